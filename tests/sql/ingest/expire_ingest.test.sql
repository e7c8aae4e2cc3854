begin;
select plan(14);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2025-01-01 12:00+00', true);
  perform syncwell.ingest_batch('event', '[{"external_id": "old", "occurred_at": "2025-01-01T11:00:00Z"}, {"external_id": "ahead", "occurred_at": "2025-01-02T11:00:00Z"}]', 'calls');
  perform syncwell.start_session('old', '2025-01-01 11:00+00');
  perform syncwell.ingest_batch('reading', '[{"occurred_at": "2025-01-01T11:00:00Z", "spo2": 97}]', p_session => 'old');
  perform syncwell.complete_session('old', '2025-01-01 11:30+00');
  perform set_config('syncwell.fake_now', '2026-02-05 11:59:59+00', true);
end $$;
select is(syncwell._expire_ingest_task(), 0::bigint, 'within 400 days every event is known');
select is(syncwell.ingest_batch('event', '[{"external_id": "old", "occurred_at": "2025-01-01T12:00:00Z", "n": 2}]', 'calls') ->> 'updated', '1', 'and a resend of it changes no other');
do $$ begin perform set_config('syncwell.fake_now', '2026-02-06 10:00+00', true); end $$;
select is(syncwell.ingest_batch('event', '[{"external_id": "old", "occurred_at": "2025-01-01T12:00:00Z", "n": 2}]', 'calls') #>> '{rejections,0,reason}', 'too_old', 'older events are not taken');
select is(syncwell._expire_ingest_task(), 0::bigint, 'the key of one that was changed since is kept');
do $$ begin
  perform set_config('syncwell.fake_now', '2026-02-06 11:30+00', true);
end $$;
select is(syncwell._expire_ingest_task(), 1::bigint, 'the key of one that can not come again is deleted');
select results_eq($$select external_id from syncwell.data_event_keys$$, $$values ('old')$$, 'and no other');
select is((select count(*) from syncwell.event_hours), 2::bigint, 'hours are kept longer');
do $$ begin perform set_config('syncwell.fake_now', '2028-06-01 12:00+00', true); end $$;
select is(syncwell._expire_ingest_task(), 3::bigint, 'but not for ever');
select is((select count(*) from syncwell.sync_sessions), 1::bigint, 'sessions are, unless somebody says otherwise');
do $$ begin perform syncwell.set_setting('ingest.session_retention', '1 year', p_org_id => test.org('a')); end $$;
select is(syncwell._expire_ingest_task(), 3::bigint, 'then they go with what belongs to them');
select is((select count(*) from syncwell.session_records) + (select count(*) from syncwell.session_counts) + (select count(*) from syncwell.sync_sessions), 0::bigint, 'completely');
select is((select created from syncwell.resolve_local_id('session', 'old')), false, 'and their name stays theirs');

-- what a month that was dropped said of an event is not known any more
do $$ begin
  perform set_config('syncwell.fake_now', '2028-06-01 12:00+00', true);
  perform syncwell.ingest_batch('event', '[{"external_id": "made up", "occurred_at": "2028-05-01T11:00:00Z", "data_source": "mock"}, {"external_id": "real", "occurred_at": "2028-05-01T11:00:00Z"}, {"external_id": "another", "occurred_at": "2028-05-01T11:00:00Z"}]', 'calls');
  delete from syncwell.data_events;
  perform syncwell.ingest_batch('event', '[{"external_id": "made up", "occurred_at": "2028-05-01T11:00:00Z", "data_source": "mock", "n": 2}]', 'calls');
end $$;
select is((select events from syncwell.event_hours where hour = '2028-05-01 11:00+00'), 2::bigint, 'a made-up event that is corrected then takes no other out of its hour');
do $$ begin perform syncwell.ingest_batch('event', '[{"external_id": "real", "occurred_at": "2028-05-01T12:00:00Z", "n": 2}]', 'calls'); end $$;
select results_eq($$select hour, events from syncwell.event_hours where hour >= '2028-05-01' order by 1$$, $$values (timestamptz '2028-05-01 11:00+00', 1::bigint), ('2028-05-01 12:00+00', 1)$$, 'one that is not goes to its new hour');
select * from finish();
rollback;
