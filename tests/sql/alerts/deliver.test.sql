begin;
select plan(76);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
do $$ begin perform syncwell.set_setting('retry.jitter', 'none', p_org_id => test.org('a')); end $$;
insert into syncwell.streams (org_id, stream_id, user_id, source) values
(test.org('a'), md5('mine')::uuid, null, 'calls'),
(test.org('b'), md5('foreign')::uuid, null, 'calls');
create function pg_temp.open(p_name text, p_severity text default 'critical', p_org text default 'a')
returns void
language sql
as $$
  insert into syncwell.sync_issues (
    org_id, id, fingerprint, issue_type, severity, stream_id, source, evidence, suggestion, opened_at, last_seen_at
  )
  select
    s.org_id, md5(p_name)::uuid, p_name, 'failure', p_severity, s.stream_id, s.source, '{}', 'Do it.',
    syncwell._now(), syncwell._now()
  from syncwell.streams as s
  where s.org_id = test.org(p_org)
$$;
create function pg_temp.set(p_name text, p_set text)
returns void
language plpgsql
as $$ begin execute format('update syncwell.sync_issues set %s where id = %L', p_set, md5(p_name)::uuid); end $$;
create function pg_temp.resolve(p_name text)
returns void
language sql
as $$ select pg_temp.set(p_name, 'state = ''resolved'', resolved_at = syncwell._now()') $$;
create temp table claimed as select * from syncwell.claim_alerts('none') limit 0;
-- what a channel is handed; each claim waits in `claimed` to be ended
create function pg_temp.claim(p_channel text, p_matcher jsonb default null, p_limit integer default 50)
returns text
language sql
as $$
  with c as (select * from syncwell.claim_alerts(p_channel, p_matcher, p_limit)),
  i as (insert into claimed select * from c)
  select coalesce(string_agg(concat_ws(' ', fingerprint, status, severity), ', ' order by fingerprint ~ '^[0-9a-f]{32}$', fingerprint), '-') from c
$$;
create function pg_temp.complete()
returns text
language sql
as $$
  with c as (delete from claimed returning *)
  select string_agg(e.outcome, ',' order by e.alert_id)
  from (select lease_token, array_agg(alert_id) as ids from c group by lease_token) as l
  cross join lateral syncwell.complete_alerts(l.ids, l.lease_token) as e
$$;
create function pg_temp.fail(
  p_message text default 'no', p_code text default null, p_http_status integer default 503, p_retry_after text default null,
  p_retryable boolean default null
)
returns text
language sql
as $$
  with c as (delete from claimed returning *)
  select string_agg(
    concat_ws(' ', e.state, e.reason, extract(epoch from e.retry_at - syncwell._now())::integer), ',' order by e.alert_id
  )
  from (select lease_token, array_agg(alert_id) as ids from c group by lease_token) as l
  cross join lateral
    syncwell.fail_alerts(l.ids, l.lease_token, p_message, p_code, p_http_status, p_retry_after, p_retryable) as e
$$;
create function pg_temp.states(p_channel text)
returns text
language sql
as $$
  select coalesce(string_agg(concat_ws(' ', fingerprint, status, state, reason), ', ' order by fingerprint, alert_id), '-')
  from syncwell.alert_deliveries where channel = p_channel and org_id = test.org('a')
$$;
create function pg_temp.issue(p_channel text default 'hook')
returns text
language sql
as $$
  select string_agg(concat_ws(' ', state, severity, times_opened, evidence ->> 'reason'), ', ' order by id)
  from syncwell.sync_issues
  where issue_type = 'alert_channel' and evidence ->> 'channel' = p_channel and org_id = test.org('a')
$$;
create function pg_temp.as_service(p_time timestamptz default null, p_org text default 'a')
returns void
language plpgsql
as $$
begin
  perform set_config('syncwell.fake_now', coalesce(p_time, syncwell._now())::text, true);
  perform syncwell.act_as_org(test.org(p_org));
end
$$;

-- what was before a channel, and what it gets
do $$ begin perform test.at('2026-03-10 09:00+00'); perform pg_temp.open('over'); end $$;
do $$ begin perform pg_temp.open('lasts', 'warning'); perform pg_temp.resolve('over'); end $$;
do $$ begin perform pg_temp.open('theirs', p_org => 'b'); perform pg_temp.as_service('2026-03-10 09:01+00'); end $$;
select is(pg_temp.claim('hook'), 'lasts firing warning', 'a new channel is told of what fires now, of its own org');
select results_eq(
  $$select org_id, issue_id, lease_until, attempt, failures, labels ->> 'alertname', annotations ->> 'description', starts_at, ends_at, replaced_labels from claimed$$,
  $$values (test.org('a'), md5('lasts')::uuid, '2026-03-10 09:02+00'::timestamptz, 1, 0, 'failure', 'Do it.', '2026-03-10 09:00+00'::timestamptz, null::timestamptz, null::jsonb)$$,
  'with all there is to tell'
);
select is((select count(*) from syncwell.claim_alerts('hook')), 0::bigint, 'once while it is leased');
select is(pg_temp.complete(), 'completed', 'it went out');
select is(pg_temp.claim('hook'), '-', 'and does not again');
select is((select array_agg(is_routed) from syncwell.alert_outbox where org_id = test.org('a')), '{t,t,t}', 'all of them are handed on');
select is((select bool_or(is_routed) from syncwell.alert_outbox where org_id = test.org('b')), false, 'not those of others');

-- order, and what is over
do $$ begin perform pg_temp.open('one'); perform pg_temp.resolve('one'); end $$;
select is(pg_temp.claim('hook'), 'one firing critical', 'that it fires comes before that it is over');
select is((select count(*) from syncwell.claim_alerts('hook')), 0::bigint, 'which waits for it');
select is(pg_temp.fail(), 'pending retry 1', 'it failed: again after a second');
do $$ begin perform pg_temp.as_service('2026-03-10 09:01:00.9+00'); end $$;
select is(pg_temp.claim('hook'), '-', 'not before');
do $$ begin perform pg_temp.as_service('2026-03-10 09:01:01+00'); end $$;
select is(pg_temp.claim('hook'), 'one firing critical', 'then');
select is((select array[attempt, failures] from claimed), '{2,1}', 'the second time, after one failure');
select is(pg_temp.complete(), 'completed', 'it gets through');
select is(pg_temp.claim('hook'), 'one resolved critical', 'now it may be over');
select results_eq($$select starts_at, ends_at from claimed$$, $$values ('2026-03-10 09:01+00'::timestamptz, '2026-03-10 09:01+00'::timestamptz)$$, 'from when to when');
do $$ begin perform pg_temp.complete(); end $$;

-- matchers
do $$ begin perform pg_temp.open('mild', 'warning'); perform pg_temp.open('bad'); end $$;
select is(pg_temp.claim('pager', '{"severity": "critical"}', 1), 'bad firing critical', 'a channel gets what it wants, whatever comes first');
do $$ begin perform pg_temp.complete(); perform pg_temp.set('mild', 'severity = ''critical'''); end $$;
select is(pg_temp.claim('pager', '{"severity": ["critical", "info"], "source": "calls"}'), 'mild firing critical', 'one of several');
select is((select replaced_labels from claimed), null, 'it was told of nothing else');
do $$ begin perform pg_temp.complete(); end $$;
select is(pg_temp.claim('hook'), 'bad firing critical, mild firing warning', 'the other gets all');
do $$ begin perform pg_temp.complete(); end $$;
select is(pg_temp.claim('hook'), 'mild firing critical', 'in order');
select is((select replaced_labels ->> 'severity' from claimed), 'warning', 'and what it knew it by before');
do $$ begin perform pg_temp.complete(); perform pg_temp.resolve('mild'); perform pg_temp.resolve('lasts'); end $$;
select is(pg_temp.claim('pager', '{"severity": "critical"}'), 'mild resolved critical', 'the end only of what it was told of');
do $$ begin perform pg_temp.complete(); end $$;
select is(
  pg_temp.states('pager'),
  'bad firing done, lasts firing skipped no_match, lasts resolved skipped not_told, mild firing skipped no_match, mild firing done, mild resolved done',
  'what is not for it is skipped'
);
select is(pg_temp.claim('nobody', '{"org": "x"}'), '-', 'an org it does not want');
do $$ begin perform syncwell.forget_alert_channel('nobody'); end $$;
select is(pg_temp.claim('hook'), 'lasts resolved warning, mild resolved critical', 'the other was told of both');
do $$ begin perform pg_temp.complete(); end $$;

-- a channel that dies: retries as retry_delay() says, then the issue, on the others
do $$ begin perform pg_temp.open('two'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail('password=hunter2'), 'pending retry 1', 'a first failure');
select is((select last_error from syncwell.alert_deliveries where last_error like 'pass%'), 'password=***', 'is kept without secrets');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '1 s'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail(), 'pending retry 2', 'a second');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '2 s'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail(p_retry_after => '60'), 'pending retry 60', 'a third, with Retry-After');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '60 s'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail(), 'pending retry 8', 'a fourth');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '8 s'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail(), 'pending retry 16', 'a fifth');
select is(pg_temp.issue(), null, 'the channel is not dead yet');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '16 s'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail(), 'pending parked 900', 'five retries are used up');
select is(pg_temp.issue(), 'open critical 1 failing', 'now it is');
select is(pg_temp.claim('pager'), 'two firing critical, ' || md5(E'alert_channel\x1f\x1f\x1f\x1fhook') || ' firing critical', 'another is told');
select is((select labels ->> 'channel' from claimed where labels ->> 'alertname' = 'alert_channel'), 'hook', 'of which');
do $$ begin perform pg_temp.complete(); perform pg_temp.open('three'); perform pg_temp.as_service(syncwell._now() + interval '1 s'); perform pg_temp.open('four'); end $$;
select is(pg_temp.claim('hook'), 'three firing critical', 'a dead channel gets one at a time');
select is((select count(*) from syncwell.claim_alerts('hook')), 0::bigint, 'and no other meanwhile');
select is((select count(*) from syncwell.alert_deliveries where channel = 'hook' and fingerprint = md5(E'alert_channel\x1f\x1f\x1f\x1fhook')), 0::bigint, 'it is not told of itself');

-- evaluations do not know of channels; this one finds all else gone, and is undone
create function pg_temp.evaluated()
returns text
language plpgsql
as $$
declare
  v_issue text;
  v_place text;
begin
  perform syncwell._evaluate_org(test.org('a'));
  perform test.at(syncwell._now() + interval '3 min');
  perform syncwell._evaluate_org(test.org('a'));
  select i.ctid::text into v_place from syncwell.sync_issues as i where i.issue_type = 'alert_channel';
  perform test.at(syncwell._now() + interval '3 min');
  perform syncwell._evaluate_org(test.org('a'));
  select concat_ws(', ', pg_temp.issue(), case when i.ctid::text = v_place then 'unwritten' end) into v_issue
  from syncwell.sync_issues as i where i.issue_type = 'alert_channel';
  raise exception using errcode = 'P0001';
exception
  when raise_exception then return v_issue;
end
$$;
select is(pg_temp.evaluated(), 'open critical 1 failing, unwritten', 'an evaluation leaves its issue open, and as it is');
select is(pg_temp.complete(), 'completed', 'something gets through');
select is(pg_temp.issue(), 'resolved critical 1 failing', 'the channel works again');
select is(pg_temp.claim('hook'), 'four firing critical, two firing critical', 'what waited is due at once');
do $$ begin perform pg_temp.complete(); end $$;
select matches(pg_temp.claim('pager'), '^four firing critical, three firing critical, [0-9a-f]{32} resolved critical$', 'and it is told');
do $$ begin perform pg_temp.complete(); end $$;

-- what does not help
do $$ begin perform pg_temp.resolve('two'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail('not so', null, 404), 'dead permanent', 'trying again does not help');
select is(pg_temp.issue(), 'open critical 2 failing', 'the channel is dead, the same issue');
do $$ begin perform pg_temp.open('five'); perform pg_temp.resolve('five'); perform pg_temp.claim('hook'); end $$;
select is(pg_temp.fail('550 no such mailbox', 'SMTP_550', null, p_retryable => false), 'dead permanent', 'where the channel knows that');
select is(pg_temp.claim('hook'), '-', 'what it was never told of does not end there');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '1 s'); perform pg_temp.open('six'); perform pg_temp.claim('hook'); perform pg_temp.fail('x', null, 401); end $$;
select is(syncwell.requeue_alerts('hook'), 2::bigint, 'what died is tried again where it is asked for');
select is(pg_temp.claim('hook'), 'two resolved critical', 'the end of two, the oldest');
do $$ begin perform pg_temp.complete(); end $$;
select is(pg_temp.claim('hook'), 'six firing critical', 'and what still fires; not what is over');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '25 hours'); end $$;
select is(pg_temp.fail(), 'dead too_old', 'for so long');
select is((select lease_lost.outcome from syncwell.complete_alerts((select array_agg(alert_id) from syncwell.alert_deliveries where fingerprint = 'six' and channel = 'hook'), gen_random_uuid()) as lease_lost), 'lease_lost', 'a lease that was lost');
select is((select e.outcome from syncwell.complete_alerts(array[gen_random_uuid()], gen_random_uuid()) as e), 'unknown', 'no alert at all');

-- giving back, and leases that run out
do $$ begin perform pg_temp.open('seven'); perform pg_temp.claim('hook'); end $$;
select is((select syncwell.release_alerts(array[alert_id], lease_token) from claimed), 1::bigint, 'given back');
do $$ begin delete from claimed; end $$;
select is(pg_temp.claim('hook'), 'seven firing critical', 'it may be claimed again');
select is((select attempt from claimed), 1, 'as if nothing had been');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '1 min'); end $$;
create temp table lost as table claimed;
do $$ begin delete from claimed; end $$;
select is(pg_temp.claim('hook'), 'seven firing critical', 'whoever has it never came back');
select is((select e.outcome from lost as l cross join lateral syncwell.complete_alerts(array[l.alert_id], l.lease_token) as e), 'lease_lost', 'and is told so');
select is(pg_temp.complete(), 'completed', 'the other one ends it');

-- nobody delivers
do $$ begin perform pg_temp.open('eight'); while pg_temp.claim('pager') <> '-' loop perform pg_temp.complete(); end loop; perform pg_temp.as_service(syncwell._now() + interval '59 min'); perform syncwell._watch_channels_task(); end $$;
select ok(pg_temp.issue() !~ 'open', 'an alert may wait');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '61 min'); perform pg_temp.claim('pager'); perform pg_temp.complete(); end $$;
do $$ begin perform syncwell._watch_channels_task(); end $$;
select matches(pg_temp.issue(), 'overdue$', 'not for longer than alerts.channel_timeout');
select is((select dead_reason from syncwell.get_alert_channels() limit 1), 'overdue', 'as the list of channels tells, the dead ones first');
select is((select pending from syncwell.get_alert_channels() where channel = 'hook'), 1::bigint, 'with how many wait');
select is(syncwell.forget_alert_channel('hook'), 1::bigint, 'a channel is forgotten');
select ok(pg_temp.issue() !~ 'open', 'its issue is over');
select throws_ok($$select syncwell.forget_alert_channel('hook')$$, 'SW611', 'unknown channel', 'once');
select throws_ok($$select syncwell.requeue_alerts('hook')$$, 'SW611', 'unknown channel', 'nothing of it is left');
do $$ begin perform pg_temp.as_service(syncwell._now() + interval '31 days'); perform syncwell._watch_channels_task(); end $$;
select is((select count(*) from syncwell.get_alert_channels()), 0::bigint, 'one that nobody asks about is forgotten too');

-- who may
do $$ begin perform test.at(syncwell._now(), 'a_analyst'); end $$;
select throws_ok($$select * from syncwell.claim_alerts('hook')$$, '42501', null, 'an analyst does not deliver');
do $$ begin perform test.at(syncwell._now(), 'a_member'); end $$;
select throws_ok($$select * from syncwell.complete_alerts(array[gen_random_uuid()], gen_random_uuid())$$, '42501', null, 'nor a member');
select is((select count(*) from syncwell.get_alert_deliveries()), 0::bigint, 'who sees nothing of it');

-- what is refused
do $$ begin perform pg_temp.as_service(); end $$;
select throws_ok($$select * from syncwell.claim_alerts('no name')$$, '22023', 'this is no name of a channel', 'a name');
select throws_ok($$select * from syncwell.claim_alerts('hook', '{"colour": "red"}')$$, '22023', 'this is no matcher of alerts', 'a matcher');
select throws_ok($$select * from syncwell.claim_alerts('hook', '{"severity": [1]}')$$, '22023', 'this is no matcher of alerts', 'of texts');
select * from finish();
rollback;
