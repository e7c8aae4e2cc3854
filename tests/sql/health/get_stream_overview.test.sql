begin;
select plan(17);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$ begin perform test.at('2026-03-10 08:00+00', 'a_admin'); end $$;
select is(
  syncwell.get_stream_overview() - '{org,viewer,evaluated_at,is_evaluated}'::text[],
  $${"computed_at": "2026-03-10T08:00:00+00:00", "user": null, "status": "unknown", "score": null, "streams": 0,
    "last_success_at": null, "matching": 0, "rows": [], "sources": [],
    "counts": {"unhealthy": 0, "degraded": 0, "late": 0, "healthy": 0, "unknown": 0},
    "issues": {"critical": 0, "warning": 0, "info": 0, "acknowledged": 0, "snoozed": 0}}$$::jsonb,
  'nothing there: a document of nothing'
);
select is(
  syncwell.get_stream_overview() -> 'org', '{"name": "Org A", "time_zone": "Europe/Berlin"}'::jsonb, 'whose it is'
);
select is(
  syncwell.get_stream_overview() #>> '{viewer,role}', 'admin', 'and who asks'
);

-- a_member: calls fails, sms is well; a_other: calls is well
do $$
begin
  update syncwell.users set display_name = 'Mia 100%' where user_id = test.id('a_member');
  perform test.at('2026-03-10 08:00+00', 'a_member');
  for v_i in 1..3 loop
    perform test.run('calls', '2026-03-10 08:00+00'::timestamptz + v_i * interval '10 minutes', 'failed');
  end loop;
  perform test.run('sms', '2026-03-10 08:50+00', 'success');
  perform test.at('2026-03-10 08:00+00', 'a_other');
  perform test.run('calls', '2026-03-10 08:51+00', 'success');
  perform test.at('2026-03-10 09:00+00');
  perform syncwell._evaluate_org(test.org('a'));
  perform test.at('2026-03-10 09:00+00', 'a_admin');
end
$$;
select is(
  syncwell.get_stream_overview() -> 'counts',
  '{"unhealthy": 1, "degraded": 0, "late": 0, "healthy": 2, "unknown": 0}'::jsonb,
  'streams by status'
);
select is(
  (select array_agg(r ->> 'source') from jsonb_array_elements(syncwell.get_stream_overview() -> 'rows') as r),
  array['calls', 'calls', 'sms'],
  'the worst first'
);
select is(
  (
    select array_agg(s ->> 'source' || ' ' || (s ->> 'streams') || ' ' || (s ->> 'status'))
    from jsonb_array_elements(syncwell.get_stream_overview() -> 'sources') as s
  ),
  array['calls 2 unhealthy', 'sms 1 healthy'],
  'sources, the worst first'
);
select is(
  (
    select to_jsonb(array_agg(h.status || ' ' || h.source order by h.source, h.status desc))
    from syncwell.stream_health as h
    where h.org_id = test.org('a')
  ),
  (
    select to_jsonb(array_agg((r ->> 'status') || ' ' || (r ->> 'source') order by r ->> 'source', r ->> 'status' desc))
    from jsonb_array_elements(syncwell.get_stream_overview() -> 'rows') as r
  ),
  'as stream_health says'
);
select is((syncwell.get_stream_overview() #>> '{issues,critical}')::integer, 1, 'the issue that was opened');
select is(
  syncwell.get_stream_overview(p_status => 'healthy', p_source => 'sms') #>> '{rows,0,name}', 'Mia 100%', 'filters'
);
select is(
  (syncwell.get_stream_overview(p_name => '00%') ->> 'matching')::integer, 2, 'a part of a name, and no pattern'
);
select is(
  jsonb_array_length(syncwell.get_stream_overview(p_limit => 1, p_offset => 2) -> 'rows'), 1, 'a page, and the last one'
);
select is(
  (syncwell.get_stream_overview(p_user_id => test.id('a_other')) ->> 'streams')::integer, 1, 'of one user'
);
select is(
  (select count(*) from syncwell.access_log where subject = test.id('a_other') and function_name = 'get_stream_overview'),
  1::bigint,
  'which is written down'
);

do $$ begin perform test.at('2026-03-10 09:00+00', 'a_other'); end $$;
select is(
  (
    select array_agg(r ->> 'user_id')
    from jsonb_array_elements(syncwell.get_stream_overview() -> 'rows') as r
  ),
  array[test.id('a_other')::text],
  'a member sees its own'
);
select is((syncwell.get_stream_overview() #>> '{issues,critical}')::integer, 0, 'and not the issues of others');
select throws_ok($$select syncwell.get_stream_overview(p_user_id => test.id('a_member'))$$, 'SW002');
select throws_ok($$select syncwell.get_stream_overview(p_offset => -1)$$, '22023');

select * from finish();
rollback;
