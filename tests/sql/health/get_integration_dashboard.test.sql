begin;
select plan(13);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 08:00+00', 'a_member'); end $$;
select is(
  syncwell.get_integration_dashboard(),
  $${"source": null, "computed_at": "2026-03-10T08:00:00+00:00",
    "overview": {"status": "unknown", "score": null, "streams": 0, "last_sync_at": null, "next_sync_at": null, "uptime": null, "items_in_database": null},
    "performance": {"sample_size": 0, "sample_since": null, "last_duration_ms": null, "average_duration_ms": null, "p95_duration_ms": null,
      "syncs_per_day": null, "success_rate": null},
    "health": {"is_healthy": null, "consecutive_failures": null, "active_errors": 0, "alerts": 0},
    "recent_activity": []}$$::jsonb,
  'nothing there: a document of unknowns'
);
select is(syncwell.get_integration_dashboard('calls'), null, 'no document of a source that is not there');

-- an hour well, half an hour failing, half an hour well
do $$
begin
  perform test.run('calls', '2026-03-10 08:59:50+00', 'success', p_items => 10);
  perform test.run('calls', '2026-03-10 09:59:50+00', 'failed');
  perform test.run('calls', '2026-03-10 10:29:50+00', 'success', p_items => 10);
  perform test.at('2026-03-10 11:00+00');
end
$$;
select is(
  syncwell.get_integration_dashboard('calls') - 'recent_activity',
  $${"source": "calls", "computed_at": "2026-03-10T11:00:00+00:00",
    "overview": {"status": "degraded", "score": 84.7, "streams": 1, "last_sync_at": "2026-03-10T10:30:00+00:00",
      "next_sync_at": "2026-03-11T10:30:00+00:00", "uptime": 0.75, "items_in_database": null},
    "performance": {"sample_size": 3, "sample_since": "2026-03-10T08:59:50+00:00", "last_duration_ms": 10000, "average_duration_ms": 10000,
      "p95_duration_ms": 10000, "syncs_per_day": 32.0, "success_rate": 0.66666666666666666667},
    "health": {"is_healthy": true, "consecutive_failures": 0, "active_errors": 0, "alerts": 0}}$$::jsonb,
  'all about one source'
);
select is(
  syncwell.get_integration_dashboard('calls') -> 'recent_activity' -> 1 #- '{event_id}',
  $${"source": "calls", "sync_type": "incremental", "status": "failed", "started_at": "2026-03-10T09:59:50+00:00",
    "completed_at": "2026-03-10T10:00:00+00:00", "duration_ms": 10000, "items_processed": null, "error_type": "ETIMEDOUT"}$$::jsonb,
  'its runs, the newest first, without error texts'
);

-- items from the counter that runs keep
do $$
declare
  v_run record;
begin
  v_run := syncwell.record_sync_start('sms');
  perform syncwell.record_sync_complete(v_run.event_id, v_run.lease, 5, p_items_created => 5, p_items_deleted => 2);
end
$$;
select is(syncwell.get_integration_dashboard('sms') #>> '{overview,items_in_database}', '3', 'created minus deleted');
select is(syncwell.get_integration_dashboard() #>> '{overview,items_in_database}', null, 'unknown as soon as one source never told');
select is(syncwell.get_integration_dashboard() #>> '{overview,streams}', '2', 'all sources together');
do $$
begin
  for v_i in 1..12 loop
    perform test.run('sms', '2026-03-10 11:00+00'::timestamptz + v_i * interval '1 minute', 'failed');
  end loop;
end
$$;
select is(jsonb_array_length(syncwell.get_integration_dashboard() -> 'recent_activity'), 10, 'ten runs, no more');
select is(syncwell.get_integration_dashboard() #>> '{health,alerts}', '1', 'critical issues are alerts');
select is(syncwell.get_integration_dashboard() #>> '{overview,status}', 'unhealthy', 'the worst stream''s status');

do $$ begin perform syncwell.act_as(test.id('a_other')); end $$;
select is(syncwell.get_integration_dashboard() #>> '{overview,streams}', '0', 'another member sees none of it');
select throws_ok(format('select syncwell.get_integration_dashboard(null, %L)', test.id('a_member')), 'SW002', 'unknown user', 'nor may he ask');
do $$ begin perform syncwell.act_as(test.id('a_analyst')); end $$;
select is(syncwell.get_integration_dashboard(null, test.id('a_member')) #>> '{overview,streams}', '2', 'an analyst may');

select * from finish();
rollback;
