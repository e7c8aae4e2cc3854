begin;
select plan(9);
set local syncwell.fake_now = '2026-03-02 12:00+00';
do $$ begin
  insert into syncwell.sync_preview_cache (org_id, sync_type, delta_json, cache_key, computed_at, expires_at)
  select test.org(case when n % 2 = 0 then 'a' else 'b' end), 'odoo', '{"new": [], "updated": [], "deleted": []}', n::text, syncwell._now() - interval '1 hour',
    syncwell._now() + case when n <= 2500 then interval '0' else interval '1 microsecond' end
  from generate_series(1, 2510) as n;
  insert into syncwell.preview_claims (org_id, cache_key, sync_type, lease_token, claimed_at, lease_until)
  values (test.org('a'), 'old', 'odoo', gen_random_uuid(), '2026-03-02 10:00+00', '2026-03-02 11:00+00'),
    (test.org('a'), 'late', 'odoo', gen_random_uuid(), '2026-03-02 10:00+00', '2026-03-02 11:00:01+00');
end $$;
select results_eq($$select deleted_count, error_message from syncwell.auto_cleanup_preview_cache()$$, $$values (2500::bigint, null::text)$$, 'all that have expired go, of every org');
select is((select count(*) from syncwell.sync_preview_cache), 10::bigint, 'and no other');
select results_eq($$select cache_key from syncwell.preview_claims$$, $$values ('late')$$, 'and leases that nobody will use');
select results_eq($$select deleted_count, error_message from syncwell.auto_cleanup_preview_cache()$$, $$values (0::bigint, null::text)$$, 'then there is nothing to do');
set local syncwell.fake_now = '2026-03-02 12:01+00';
create function pg_temp.refuse() returns trigger language plpgsql as $$ begin raise exception 'kept' using errcode = 'XX001'; end $$;
create trigger refuse before delete on syncwell.sync_preview_cache for each row execute function pg_temp.refuse();
select results_eq($$select deleted_count, error_message from syncwell.auto_cleanup_preview_cache()$$, $$values (0::bigint, 'XX001: kept')$$, 'a failure is told, not raised');
select throws_ok('select syncwell._cleanup_previews_task()', 'XX001', 'previews could not be cleaned up', 'but is one for maintenance');
drop trigger refuse on syncwell.sync_preview_cache;
select is(syncwell._cleanup_previews_task(), 10::bigint, 'which counts what it removes');
select results_eq(
  $$select routine, runs_every from syncwell.maintenance_tasks where task = 'cleanup_previews'$$, $$values ('_cleanup_previews_task', interval '15 min')$$, 'every 15 minutes'
);
set session authorization a_admin;
select throws_ok('select syncwell.auto_cleanup_preview_cache()', '42501', null, 'only operators call it');
reset session authorization;
select * from finish();
rollback;
