begin;
select plan(10);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;

do $$
begin
  perform test.at('2026-03-10 08:30+00', 'a_member');
  perform syncwell.register_stream('calls', p_expected_interval => '1 hour');
  perform test.run('calls', '2026-03-10 08:50+00', 'success', 1);
  -- time that nobody looks at is unknown: somebody looks each minute
  for v_minute in 30..60 loop
    perform test.at('2026-03-10 09:00+00'::timestamptz + v_minute * interval '1 minute', 'a_member');
    if v_minute in (35, 40, 45) then
      perform test.run('calls', '2026-03-10 09:00+00'::timestamptz + v_minute * interval '1 minute', 'failed', 1);
    end if;
    perform syncwell._evaluate_org(test.org('a'));
  end loop;
  perform test.at('2026-03-10 10:00+00', 'a_admin');
  perform set_config('test.stream', (select stream_id::text from syncwell.streams where source = 'calls' and user_id = test.id('a_member')), true);
end
$$;

select is(
  syncwell.get_stream_detail(current_setting('test.stream')::uuid) #>> '{stream,status}', 'unhealthy', 'how it is'
);
select is(
  (syncwell.get_stream_detail(current_setting('test.stream')::uuid) #>> '{stream,expected_seconds}')::numeric, 3600::numeric, 'in seconds'
);
select is(
  (
    select array_agg(distinct s ->> 'status' order by s ->> 'status')
    from jsonb_array_elements(syncwell.get_stream_detail(current_setting('test.stream')::uuid) -> 'stretches') as s
  ),
  array['degraded', 'healthy', 'unhealthy'],
  'how it was'
);
select ok(
  (
    select bool_and(s.starts_at < s.ends_at and (s.before is null or s.before = s.starts_at))
    from (
      select
        (s ->> 'starts_at')::timestamptz as starts_at,
        (s ->> 'ends_at')::timestamptz as ends_at,
        lag((s ->> 'ends_at')::timestamptz) over (order by s ->> 'starts_at') as before
      from jsonb_array_elements(syncwell.get_stream_detail(current_setting('test.stream')::uuid) -> 'stretches') as s
    ) as s
  ),
  'end to end'
);
select is(
  (
    select array_agg(r ->> 'status')
    from jsonb_array_elements(syncwell.get_stream_detail(current_setting('test.stream')::uuid) -> 'runs') as r
  ),
  array['failed', 'failed', 'failed', 'success'],
  'what it ran, the newest first'
);
select is(
  jsonb_array_length(syncwell.get_stream_detail(current_setting('test.stream')::uuid, p_hours => 1) -> 'runs'), 3, 'of so many hours'
);
select is(
  (select count(*) from syncwell.access_log where subject = test.id('a_member') and function_name = 'get_stream_detail'),
  6::bigint,
  'each look at another user''s stream is written down'
);

do $$ begin perform test.at('2026-03-10 10:00+00', 'a_other'); end $$;
select throws_ok($$select syncwell.get_stream_detail(current_setting('test.stream')::uuid)$$, 'SW105', 'unknown stream', 'not another member''s');
select throws_ok($$select syncwell.get_stream_detail(test.id('no stream'))$$, 'SW105', 'unknown stream', 'and in the same words as one that is not there');
select throws_ok($$select syncwell.get_stream_detail(test.id('no stream'), 0)$$, '22023');

select * from finish();
rollback;
