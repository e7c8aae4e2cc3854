begin;
select plan(35);
set local syncwell.fake_now = '2026-03-02 12:00+00';
do $$ begin perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member')); end $$;
create temp table got (name text, preview_id uuid, cache_key text, delta jsonb, computed_at timestamptz, expires_at timestamptz, from_cache boolean);
create function pg_temp.ask(p_name text, p_incoming jsonb default '[{"id": 1}]', p_params jsonb default '{"page": 1}', p_type text default 'odoo', p_ttl interval default null,
  p_force boolean default false) returns void language sql as $$
  insert into got select p_name, g.* from syncwell.get_or_compute_preview(p_type, '[{"id": 2}]', p_incoming, p_params, p_ttl => p_ttl, p_sync_id => 's-' || p_name, p_force => p_force) as g
$$;
create function pg_temp.logged() returns bigint language sql as $$ select count(*) from syncwell.sync_activity_log where action = 'preview_delta' $$;
do $$ begin perform pg_temp.ask('first'); end $$;
select results_eq(
  $$select delta, cache_key, computed_at, expires_at, from_cache from got$$,
  $$select syncwell.compute_preview_delta('[{"id": 2}]', '[{"id": 1}]'), 'odoo:' || syncwell.preview_cache_key('{"page": 1}'), syncwell._now(), syncwell._now() + interval '1 hour', false$$,
  'it is computed'
);
select results_eq(
  $$select preview_id, cache_key, sync_type, sync_id, delta, computed_at, expires_at, computed_by from syncwell.get_preview((select cache_key from got))$$,
  $$select preview_id, cache_key, 'odoo', 's-first', delta, computed_at, expires_at, test.id('a_member') from got$$, 'and kept'
);
select results_eq(
  $$select action::text, status::text, sync_id, record_count, duration_seconds from syncwell.sync_activity_log where action = 'preview_delta'$$,
  $$values ('preview_delta', 'completed', 's-first', 2::bigint, 0::numeric)$$, 'and logged, once'
);
set local syncwell.fake_now = '2026-03-02 12:59:59.999999+00';
do $$ begin perform pg_temp.ask('second', '[{"id": 5}, {"id": 6}]', '{"page": 1.0}'); end $$;
select results_eq(
  $$select preview_id, delta, computed_at, expires_at, from_cache from got where name = 'second'$$,
  $$select preview_id, delta, computed_at, expires_at, true from got where name = 'first'$$, 'equal parameters share it, whatever the records are'
);
select is(pg_temp.logged(), 1::bigint, 'which is no computation');
do $$ begin perform pg_temp.ask('other', p_params => '{"page": "1"}'); perform pg_temp.ask('shop', p_type => 'shopify'); end $$;
select is((select bool_or(from_cache) from got where name in ('other', 'shop')), false, 'others do not, nor another sync type');
set local syncwell.fake_now = '2026-03-02 13:00+00';
select is_empty($$select from syncwell.get_preview((select cache_key from got where name = 'first'))$$, 'when it expires it is gone, cleaned up or not');
do $$ begin perform pg_temp.ask('third'); end $$;
select results_eq(
  $$select from_cache, computed_at, preview_id <> (select f.preview_id from got as f where f.name = 'first') from got where name = 'third'$$,
  $$values (false, syncwell._now(), true)$$, 'and computed anew, as another one'
);
do $$ begin perform pg_temp.ask('forced', '[{"id": 9}]', p_force => true); perform pg_temp.ask('after'); end $$;
select is((select from_cache from got where name = 'forced'), false, 'on demand it is computed though there is one');
select results_eq(
  $$select preview_id, delta -> 'new', from_cache from got where name = 'after'$$, $$select preview_id, '[{"id": 9}]'::jsonb, true from got where name = 'forced'$$,
  'which takes the place of that one'
);
select is((select count(*) from syncwell.sync_preview_cache), 3::bigint, 'one a key');
select results_eq(
  $$select count(*) from got as g cross join lateral syncwell.get_preview(p_preview_id => g.preview_id)
    union all select count(*) from got as g cross join lateral syncwell.get_preview(g.cache_key, g.preview_id) where g.name = 'after'
    union all select count(*) from got as g cross join lateral syncwell.get_preview(g.cache_key, gen_random_uuid())$$,
  $$values (4::bigint), (1::bigint), (0::bigint)$$, 'by its id, or both'
);
do $$ begin perform pg_temp.ask('content', p_params => null); perform pg_temp.ask('content2', p_params => null); perform pg_temp.ask('content3', '[{"id": 7}]', null); end $$;
select results_eq(
  $$select name, from_cache from got where name like 'content%' order by name$$, $$values ('content', false), ('content2', true), ('content3', false)$$,
  'without parameters only equal records share it'
);
select is(
  (select from_cache from syncwell.get_or_compute_preview('odoo', '[{"id": 2}]', '[{"id": 8}]', (
    select jsonb_build_array(encode(sha256('[{"id": 2}]'), 'hex'), encode(sha256('[{"id": 1}]'), 'hex'), 'id')
  ))), false, 'for which no parameters pass'
);
select is(
  (select from_cache from syncwell.get_or_compute_preview('odoo', '[{"id": 2, "n": 1}]', '[{"id": 1, "n": 2}]', p_key => 'n')), false, 'another key is something else'
);
do $$ begin perform pg_temp.ask('short', p_params => '"short"', p_ttl => '1 s'); end $$;
select is((select expires_at - computed_at from got where name = 'short'), interval '1 s', 'its life may be told');
select is(pg_temp.logged(), (select count(*) from got where not from_cache) + 2, 'each computation is logged, and nothing else');
-- errors
create function pg_temp.refusal(p_statement text) returns text language plpgsql as $$
begin
  execute 'select from syncwell.' || p_statement;
  return 'taken';
exception when others then
  return sqlstate;
end $$;
select is(pg_temp.refusal(c), e, c) from (values
  ($$get_or_compute_preview(null, '[]', '[]')$$, '22004'),
  ($$get_or_compute_preview('odoo', null, '[]')$$, '22004'),
  ($$get_or_compute_preview('odoo', '[]', null, '{"page": 1}')$$, '22004'),
  ($$get_or_compute_preview('odoo', '[]', '[]', p_key => null)$$, '22004'),
  ($$get_or_compute_preview('odoo', '[]', '[]', p_force => null)$$, '22004'),
  ($$get_or_compute_preview('odoo', '[]', '[]', p_ttl => '0')$$, '22023'),
  ($$get_or_compute_preview('odoo', '[]', '[]', p_ttl => '-1 hour')$$, '22023'),
  ($$get_or_compute_preview('odoo', '[]', '[]', p_ttl => '31 days')$$, '22023'),
  ($$get_or_compute_preview('odoo', '[]', '[]', p_sync_id => repeat('x', 201))$$, '22001'),
  ($$get_or_compute_preview('magento', '[]', '[]')$$, 'SW706'),
  ($$get_or_compute_preview('', '[]', '[]')$$, 'SW706'),
  ($$get_or_compute_preview('odoo', '{}', '[]')$$, 'SW701'),
  ($$get_or_compute_preview('odoo', '[]', '[{"id": 1}, {"id": 1}]')$$, 'SW702'),
  ($$get_preview()$$, '22004'),
  ($$get_previews(p_limit => 0)$$, '22023')
) as v (c, e);
select is((select count(*) from syncwell.sync_preview_cache as c where c.computed_at = '-infinity' or c.delta_json = '{}'), 0::bigint, 'a refused one leaves no place behind');
do $$ begin perform syncwell.set_setting('preview.max_bytes', '1024'); end $$;
select is(
  pg_temp.refusal($$get_or_compute_preview('odoo', '[]', (select jsonb_agg(jsonb_build_object('id', n)) from generate_series(1, 200) as n), '"large"')$$), 'SW703', 'one that is too large is refused'
);
select results_eq(
  $$select total_affected, bytes > 0, seconds_left from syncwell.get_previews('shopify', 's-shop')$$, $$values (2::bigint, true, 3600.000::numeric)$$, 'the list tells of each'
);
select * from finish();
rollback;
