begin;
select plan(9);
create function pg_temp.at(p_time text) returns void language sql as $$
  select set_config('syncwell.fake_now', p_time || '+00', true) $$;
do $$ begin
  perform pg_temp.at('2026-03-01 12:00');
  insert into syncwell.sync_progress (org_id, sync_id, total_items) values
  (test.org('a'), 'late', 10), (test.org('b'), 'late', 10);
  perform pg_temp.at('2026-03-03 12:00');
end $$;
select is(syncwell._reap_progress_task(), 2::bigint, 'maintenance reaps all orgs');
select is(syncwell._reap_progress_task(), 0::bigint, 'once');
do $$ begin
  perform syncwell.bind_login(session_user, 'service', test.org('b'), null);
  perform syncwell.set_setting('progress.keep_finished', '10 days', p_org_id => test.org('b'));
  insert into syncwell.sync_progress (org_id, sync_id, total_items) values (test.org('b'), 'running', 10);
  perform pg_temp.at('2026-03-13 12:00');
end $$;
select is(syncwell._expire_progress_task(), 0::bigint, 'ten days are not over');
do $$ begin perform pg_temp.at('2026-03-13 12:00:01'); end $$;
select is(syncwell._expire_progress_task(), 1::bigint, 'ten days: org B''s');
select set_eq($$select org_id, sync_id from syncwell.sync_progress$$, $$values (test.org('a'), 'late'), (test.org('b'), 'running')$$, 'what runs stays');
do $$ begin perform pg_temp.at('2026-04-02 12:00'); end $$;
select is(syncwell._expire_progress_task(), 0::bigint, 'thirty days are not over');
do $$ begin perform pg_temp.at('2026-04-02 12:00:01'); end $$;
select is(syncwell._expire_progress_task(), 1::bigint, 'thirty days: org A''s');
select is((select count(*) from syncwell.sync_progress), 1::bigint, 'one is left');
select set_eq($$select table_name, user_column, on_erase from syncwell.personal_data where table_name = 'sync_progress'$$,
  $$values ('sync_progress', 'initiated_by', 'anonymise')$$, 'who started it is personal data');
select * from finish();
rollback;
