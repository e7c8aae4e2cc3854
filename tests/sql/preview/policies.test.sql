begin;
select plan(18);
set local syncwell.fake_now = '2026-03-02 12:00+00';
do $$ begin
  insert into syncwell.sync_preview_cache (org_id, sync_type, delta_json, cache_key, computed_at, expires_at)
  select test.org(o), 'odoo', '{"new": [{"id": 1}], "updated": [], "deleted": []}', o || k, syncwell._now() - interval '2 hours', syncwell._now() + t
  from (values ('a'), ('b')) as v (o), (values ('valid', interval '1 s'), ('expired', interval '0')) as w (k, t);
end $$;
-- the clock that sessions of others can't turn
do $$ begin update syncwell.sync_preview_cache set expires_at = now() + interval '1 day', computed_at = now() - interval '1 day' where cache_key like '%valid'; end $$;
reset syncwell.fake_now;
set session authorization a_member;
select results_eq('select cache_key from syncwell.sync_preview_cache', $$values ('avalid')$$, 'a member sees the valid previews of its org');
select lives_ok(
  $$insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key) values ('odoo', '{"new": [], "updated": [], "deleted": []}', 'aexpired')
    on conflict (org_id, cache_key) do update set delta_json = excluded.delta_json$$,
  'and writes over one that it can not see'
);
select lives_ok($$update syncwell.sync_preview_cache set delta_json = '{"new": [], "updated": [], "deleted": []}' where cache_key = 'avalid'$$, 'or can');
select throws_ok(
  $$insert into syncwell.sync_preview_cache (org_id, sync_type, delta_json, cache_key) values (test.org('b'), 'odoo', '{"new": [], "updated": [], "deleted": []}', 'x')$$,
  '42501', null, 'not into another org'
);
select throws_ok($$update syncwell.sync_preview_cache set org_id = test.org('b')$$, '42501', null, 'nor moves one there');
select is_empty($$update syncwell.sync_preview_cache set sync_id = 'x' where cache_key like 'b%' returning 1$$, 'nor changes one there');
select throws_ok($$update syncwell.sync_preview_cache set computed_at = now()$$, '42501', null, 'when it was computed is not told');
select throws_ok($$update syncwell.sync_preview_cache set new_count = 5$$, '42501', null, 'nor what is counted');
select throws_ok($$update syncwell.sync_preview_cache set computed_by = null$$, '42501', null, 'nor by whom');
select throws_ok($$delete from syncwell.sync_preview_cache$$, '42501', null, 'nothing is deleted');
select throws_ok($$select from syncwell.preview_claims$$, '42501', null, 'leases are not to be looked at');
select results_eq($$select cache_key from syncwell.get_previews() order by 1$$, $$values ('aexpired'), ('avalid')$$, 'functions see the same');
select is_empty($$select from syncwell.get_preview('bvalid')$$, 'and nothing of another org');
set session authorization b_admin;
select results_eq('select cache_key from syncwell.sync_preview_cache', $$values ('bvalid')$$, 'nor does an admin');
select is_empty($$select from syncwell.get_preview('bexpired')$$, 'what has expired is as if it were not there');
select results_eq($$select cache_key, seconds_left < 0 from syncwell.get_previews(p_expired => true)$$, $$values ('bexpired', true)$$, 'but that it waits for the clean-up');
set session authorization nobody_login;
select is_empty('select from syncwell.sync_preview_cache', 'nobody sees nothing');
reset session authorization;
-- the trigger looks first; the policy is asked alone
alter table syncwell.sync_preview_cache disable trigger user;
set session authorization a_member;
select throws_ok(
  $$insert into syncwell.sync_preview_cache (org_id, sync_type, delta_json, cache_key, expires_at) values (test.org('b'), 'odoo', '{}', 'x', 'infinity')$$,
  '42501', 'new row violates row-level security policy for table "sync_preview_cache"', 'the policy refuses another org without the trigger, too'
);
reset session authorization;
select * from finish();
rollback;
