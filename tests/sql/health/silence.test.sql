begin;
select plan(47);

do $$ begin perform syncwell.bind_login(session_user, 'gateway'); end $$;
insert into syncwell.streams (org_id, stream_id, user_id, source) values
(test.org('a'), md5('mine')::uuid, test.id('a_member'), 'calls'),
(test.org('b'), md5('foreign')::uuid, test.id('b_member'), 'calls');
create function pg_temp.fits(
  p_issue_type text default 'failure', p_severity text default 'critical', p_source text default 'calls',
  p_platform text default 'ios', p_user_id uuid default test.id('a_member'), p_stream_id uuid default md5('mine')::uuid,
  p_now timestamptz default '2026-03-10 10:00+00', p_org text default 'a'
)
returns boolean
language sql
as $$ select syncwell._is_silenced(test.org(p_org), p_issue_type, p_severity, p_source, p_platform, p_user_id, p_stream_id, p_now) $$;
create function pg_temp.silence(p_matcher jsonb)
returns uuid
language sql
as $$ select syncwell.silence(p_matcher, '2026-03-10 12:00+00', 'moving') $$;
create function pg_temp.only(p_matcher jsonb)
returns void
language plpgsql
as $$
begin
  delete from syncwell.silences;
  perform pg_temp.silence(p_matcher);
end
$$;

do $$ begin perform test.at('2026-03-10 09:00+00', 'a_admin'); end $$;
select ok(not pg_temp.fits(), 'no silence');
do $$ begin perform pg_temp.only('{}'); end $$;
select ok(pg_temp.fits(), 'an empty matcher fits all');
select ok(not pg_temp.fits(p_org => 'b'), 'of the org');
select ok(not pg_temp.fits(p_now => '2026-03-10 12:00+00'), 'until its end');
select ok(not pg_temp.fits(p_now => '2026-03-10 08:59+00'), 'from its beginning on');
do $$ begin perform pg_temp.only('{"source": "calls"}'); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_source => 'sms') and not pg_temp.fits(p_source => null), 'by source');
do $$ begin perform pg_temp.only('{"issue_type": "failure"}'); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_issue_type => 'slow'), 'by type');
do $$ begin perform pg_temp.only('{"severity": "critical"}'); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_severity => 'warning'), 'by severity');
do $$ begin perform pg_temp.only('{"platform": "ios"}'); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_platform => null), 'by platform');
do $$ begin perform pg_temp.only(jsonb_build_object('user_id', upper(test.id('a_member')::text))); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_user_id => test.id('a_other')), 'by user, however the id is written');
do $$ begin perform pg_temp.only(jsonb_build_object('stream_id', upper(md5('mine')::uuid::text))); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_stream_id => null), 'by stream');
do $$ begin perform pg_temp.only('{"source": "calls", "severity": "critical"}'); end $$;
select ok(pg_temp.fits() and not pg_temp.fits(p_severity => 'warning') and not pg_temp.fits(p_source => 'sms'), 'all keys must fit');
do $$ begin perform pg_temp.silence('{"source": "sms"}'); end $$;
select ok(pg_temp.fits() and pg_temp.fits(p_source => 'sms', p_severity => 'info'), 'of several silences any will do');

-- what is kept, and its end
delete from syncwell.silences;
do $$ begin perform pg_temp.silence('{"source": "calls"}'); end $$;
select results_eq(
  'select matcher, starts_at, ends_at, is_on, reason, created_by from syncwell.get_silences()',
  format($$values ('{"source": "calls"}'::jsonb, '2026-03-10 09:00+00'::timestamptz, '2026-03-10 12:00+00'::timestamptz, true, 'moving', %L::uuid)$$, test.id('a_admin')),
  'a silence is listed'
);
do $$ begin perform test.at('2026-03-10 10:00+00'); perform syncwell.act_as_org(test.org('a')); end $$;
do $$ begin perform pg_temp.silence('{"source": "sms"}'); end $$;
select results_eq('select matcher ->> ''source'', created_by is null from syncwell.get_silences()', $$values ('sms', true), ('calls', false)$$, 'a service may too; the newest first');
select is((select count(*) from syncwell.get_silences(p_limit => 1)), 1::bigint, 'with a limit');
do $$ begin perform test.at('2026-03-10 11:00+00', 'a_admin'); end $$;
select ok(syncwell.lift_silence((select id from syncwell.silences where matcher ->> 'source' = 'calls')), 'lifted');
select ok(not pg_temp.fits(p_now => '2026-03-10 11:00+00'), 'it holds no more');
select ok(not syncwell.lift_silence((select id from syncwell.silences where matcher ->> 'source' = 'calls')), 'once');
select is((select count(*) from syncwell.get_silences()), 1::bigint, 'no more listed');
select results_eq('select matcher ->> ''source'', is_on, ends_at from syncwell.get_silences(true)', $$values ('sms', true, '2026-03-10 12:00+00'::timestamptz), ('calls', false, '2026-03-10 11:00+00')$$, 'but among those that are over');
do $$ begin perform test.at('2026-03-10 09:30+00'); end $$;
select ok(syncwell.lift_silence((select id from syncwell.silences where matcher ->> 'source' = 'sms')), 'a clock that went back');
select is((select ends_at from syncwell.silences where matcher ->> 'source' = 'sms'), '2026-03-10 10:00+00'::timestamptz, 'does not end it before it began');
do $$ begin perform test.at('2026-03-10 12:00+00'); end $$;
select ok(not syncwell.lift_silence((select id from syncwell.silences where matcher ->> 'source' = 'sms')), 'what ended by itself is over');

-- who sees them
insert into syncwell.silences (org_id, matcher, starts_at, ends_at, reason) values (test.org('b'), '{}', '2026-03-10 09:00+00', '2026-03-11 09:00+00', 'theirs');
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_analyst'); end $$;
select is((select count(*) from syncwell.get_silences(true)), 2::bigint, 'analysts see the org''s');
do $$ begin perform test.at('2026-03-10 12:00+00', 'a_member'); end $$;
select is((select count(*) from syncwell.get_silences(true)), 0::bigint, 'members none');

-- refused
select throws_ok($$select pg_temp.silence('{}')$$, '42501', null, 'a member silences nothing');
select throws_ok($$select syncwell.lift_silence(gen_random_uuid())$$, '42501', null, 'nor lifts');
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_analyst'); end $$;
select throws_ok($$select pg_temp.silence('{}')$$, '42501', null, 'nor an analyst');
do $$ begin perform test.at('2026-03-10 09:00+00', 'a_admin'); end $$;
select throws_ok($$select pg_temp.silence('[]')$$, '22023', 'this is no matcher', 'a list');
select throws_ok($$select pg_temp.silence('"calls"')$$, '22023', 'this is no matcher', 'a text');
select throws_ok($$select pg_temp.silence('{"sauce": "calls"}')$$, '22023', 'this is no matcher', 'an unknown key');
select throws_ok($$select pg_temp.silence('{"source": null}')$$, '22023', 'this is no matcher', 'a null');
select throws_ok($$select pg_temp.silence('{"source": ["calls"]}')$$, '22023', 'this is no matcher', 'a list of sources');
select throws_ok($$select pg_temp.silence('{"source": "a b"}')$$, '22023', 'this is no matcher', 'what is no source');
select throws_ok($$select pg_temp.silence('{"severity": "bad"}')$$, '22023', 'this is no matcher', 'what is no severity');
select throws_ok($$select pg_temp.silence('{"platform": "fax"}')$$, '22023', 'this is no matcher', 'what is no platform');
select throws_ok($$select pg_temp.silence('{"issue_type": "Bad"}')$$, '22023', 'this is no matcher', 'what is no type');
select throws_ok($$select pg_temp.silence('{"user_id": "me"}')$$, '22023', 'this is no matcher', 'what is no id');
select throws_ok(format($$select pg_temp.silence('{"user_id": "%s"}')$$, test.id('b_member')), 'SW002', 'unknown user', 'a user of another org');
select throws_ok(format($$select pg_temp.silence('{"stream_id": "%s"}')$$, md5('foreign')::uuid), 'SW105', 'unknown stream', 'a stream of another org');
select throws_ok($$select syncwell.silence('{}', '2026-03-10 09:00+00')$$, '22023', 'p_until is out of range', 'until now');
select throws_ok($$select syncwell.silence('{}', 'infinity')$$, '22023', 'p_until is out of range', 'for ever');
select throws_ok($$select syncwell.silence('{}', null)$$, '22004', 'a silence needs a matcher and an end', 'until NULL');
select throws_ok($$select syncwell.silence(null, '2026-03-11 09:00+00')$$, '22004', 'a silence needs a matcher and an end', 'of NULL');
select throws_ok($$select syncwell.silence('{}', '2026-03-11 09:00+00', repeat('x', 1001))$$, '22001', 'p_reason is too long', 'for long reasons');
select throws_ok(
  format($$select syncwell.lift_silence(%L)$$, (select id from syncwell.silences where reason = 'theirs')), 'SW602', 'unknown silence', 'that of another org is not there'
);
select * from finish();
rollback;
