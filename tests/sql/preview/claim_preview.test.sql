begin;
select plan(38);
set local syncwell.fake_now = '2026-03-02 12:00+00';
do $$ begin perform syncwell.bind_login(session_user, 'service', test.org('a')); end $$;
create temp table got (name text, state text, cache_key text, lease_token uuid, lease_until timestamptz, preview_id uuid, delta jsonb, computed_at timestamptz, expires_at timestamptz);
create function pg_temp.claim(p_name text, p_params jsonb default '{"page": 1}') returns text language sql as $$
  insert into got select p_name, c.* from syncwell.claim_preview('odoo', p_params, '30 s') as c returning state
$$;
create function pg_temp.token(p_name text) returns uuid language sql as $$ select lease_token from got where name = p_name $$;
create function pg_temp.refusal(p_statement text) returns text language plpgsql as $$
begin
  execute 'select from syncwell.' || p_statement;
  return 'taken';
exception when others then
  return sqlstate;
end $$;
create function pg_temp.store(p_token uuid, p_delta jsonb default '{"new": [{"id": 1}], "updated": [], "deleted": []}') returns text language sql as $$
  select pg_temp.refusal(format('store_preview(%L, %L)', p_token, p_delta))
$$;
select is(pg_temp.claim('first'), 'claimed', 'who comes first computes it');
select results_eq(
  $$select cache_key, lease_until, num_nonnulls(preview_id, delta, computed_at, expires_at) from got$$,
  $$select 'odoo:' || syncwell.preview_cache_key('{"page": 1}'), syncwell._now() + interval '30 s', 0$$, 'under a lease'
);
select is(pg_temp.claim('second', '{"page": 1.0}'), 'computing', 'who comes then is told to ask again');
select results_eq(
  $$select lease_until, num_nonnulls(lease_token, preview_id, delta, computed_at, expires_at) from got where name = 'second'$$,
  $$select syncwell._now() + interval '30 s', 0$$, 'and until when at most, no more'
);
select is(pg_temp.claim('other', '{"page": 2}'), 'claimed', 'another one is another one');
set local syncwell.fake_now = '2026-03-02 12:00:10+00';
select results_eq(
  $$select cache_key, computed_at, expires_at from syncwell.store_preview(pg_temp.token('first'), '{"new": [], "updated": [], "deleted": [{"id": 7}]}', '5 min', 's7')$$,
  $$select cache_key, syncwell._now(), syncwell._now() + interval '5 min' from got where name = 'first'$$, 'it is stored'
);
select results_eq(
  $$select user_id, record_count, duration_seconds, sync_id from syncwell.sync_activity_log where action = 'preview_delta'$$, $$values (null::uuid, 1::bigint, 10::numeric, 's7')$$,
  'and logged with how long it took'
);
select is(pg_temp.claim('third'), 'cached', 'and given to all');
select results_eq(
  $$select delta, computed_at, expires_at, num_nonnulls(lease_token, lease_until) from got where name = 'third'$$,
  $$select '{"new": [], "updated": [], "deleted": [{"id": 7}], "statistics": {"new_count": 0, "updated_count": 0, "deleted_count": 1, "total_affected": 1}}'::jsonb,
    syncwell._now(), syncwell._now() + interval '5 min', 0$$, 'with its statistics, and no lease'
);
select is(pg_temp.store(pg_temp.token('first')), 'SW704', 'a token is good for once');
select is((select count(*) from syncwell.preview_claims), 1::bigint, 'and its claim is gone');
select is((select from_cache from syncwell.get_or_compute_preview('odoo', '[]', '[]', '{"page": 1}')), true, 'who has the records gets it too');
-- one that dies
set local syncwell.fake_now = '2026-03-02 12:00:29.999+00';
select is(pg_temp.claim('early', '{"page": 2}'), 'computing', 'a lease holds');
set local syncwell.fake_now = '2026-03-02 12:00:30+00';
select is(pg_temp.claim('heir', '{"page": 2}'), 'claimed', 'until it ends');
select is(pg_temp.store(pg_temp.token('other')), 'SW704', 'then the first one is too late');
select is(pg_temp.store(pg_temp.token('heir')), 'taken', 'and the other is not');
select is(pg_temp.claim('slow', '{"page": 3}'), 'claimed', 'one that takes long');
set local syncwell.fake_now = '2026-03-02 12:01:30+00';
select is(pg_temp.store(pg_temp.token('slow')), 'taken', 'is not lost when nobody else has claimed it');
select is(pg_temp.claim('given up', '{"page": 4}'), 'claimed', 'one that fails');
select is(syncwell.release_preview(pg_temp.token('given up')), true, 'can be given back');
select is(syncwell.release_preview(pg_temp.token('given up')), false, 'once');
select is(pg_temp.claim('next', '{"page": 4}'), 'claimed', 'for the next one');
select is(pg_temp.store(pg_temp.token('next'), '{"new": []}'), 'SW705', 'what is no preview is refused');
select is(pg_temp.claim('meanwhile', '{"page": 4}'), 'computing', 'and the lease stays');
-- invalidation
select is(syncwell.invalidate_preview(p_sync_type => 'shopify'), 0::bigint, 'nothing of another type');
select is(syncwell.invalidate_preview((select cache_key from got where name = 'next')), 0::bigint, 'one that is being computed');
select is(pg_temp.store(pg_temp.token('next')), 'SW704', 'is not stored any more');
select is(syncwell.invalidate_preview(p_sync_id => 's7'), 1::bigint, 'of a sync');
select is(syncwell.invalidate_preview('no such key'), 0::bigint, 'none');
select is(syncwell.invalidate_preview(p_sync_type => 'odoo'), 2::bigint, 'of a type');
select is((select count(*) from syncwell.sync_preview_cache), 0::bigint, 'all are gone');
-- what has expired is not there
select is(pg_temp.claim('old', '{"page": 5}'), 'claimed', 'another one');
select is_empty(
  $$select from (select (syncwell.store_preview(pg_temp.token('old'), '{"new": [], "updated": [], "deleted": []}', '1 s')).preview_id offset 0) as s
    where s.preview_id is null$$, 'is stored for a second'
);
set local syncwell.fake_now = '2026-03-02 12:01:31+00';
select results_eq(
  $$select pg_temp.claim('new', '{"page": 5}'), (select count(*) from syncwell.sync_preview_cache as c cross join lateral syncwell.get_preview(p_preview_id => c.id))$$,
  $$values ('claimed', 0::bigint)$$, 'and then claimed anew, and not found by its id, though it lies there'
);
select is(pg_temp.refusal(c), e, c) from (values
  ($$claim_preview(null, '{}')$$, '22004'), ($$claim_preview('odoo', null)$$, '22004'), ($$claim_preview('odoo', '{}', '0 s')$$, '22023'),
  ($$claim_preview('odoo', '{}', '2 hours')$$, '22023')
) as v (c, e);
select * from finish();
rollback;
