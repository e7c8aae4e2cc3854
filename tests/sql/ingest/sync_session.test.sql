begin;
select plan(42);
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  perform set_config('syncwell.fake_now', '2026-03-01 12:00+00', true);
end $$;
create function pg_temp.document(p_extra json default '{}') returns json language sql as $$
  select json_object_agg(e.key, e.value)
  from (
    select distinct on (d.key) d.key, d.value
    from (
      select 1 as place, x.key, x.value from json_each(p_extra) as x
      union all
      select 2, x.key, x.value from json_each('{
        "local_id": "IHHT_1", "started_at": "2026-03-01T11:00:00Z", "ended_at": 1772364600000, "source": "ihht",
        "data_source": "bluetooth", "expected": {"reading": 3, "survey_pre": 1}, "metadata": {"room": 1},
        "readings": [
          {"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97, "heart_rate": 60},
          {"occurred_at": "2026-03-01T11:02:00Z", "spo2": 95, "heart_rate": 70, "local_id": "r2"},
          {"occurred_at": "2026-03-01T11:03:00Z", "spo2": 93.5}
        ],
        "survey_pre": {"occurred_at": "2026-03-01T11:00:00Z", "payload": {"mood": 4}},
        "survey_inter": [], "survey_post": null,
        "progression": [{"occurred_at": "2026-03-01T11:02:00Z", "payload": {"level": 2}}],
        "adaptive_events": [{"occurred_at": "2026-03-01T11:02:30Z", "payload": {"mask": "off"}}]
      }'::json) as x
    ) as d
    order by d.key, d.place
  ) as e $$;
create function pg_temp.tables() returns text language sql as $$
  select md5(
    (select coalesce(jsonb_agg(to_jsonb(r) order by r.org_id, r.id), '[]') from syncwell.session_records as r)::text
    || (select coalesce(jsonb_agg(to_jsonb(s) - '{sync_attempts,last_sync_at,updated_at}'::text[] order by s.session_id), '[]') from syncwell.sync_sessions as s)::text
    || (select coalesce(jsonb_agg(to_jsonb(c) order by c.session_id, c.kind), '[]') from syncwell.session_counts as c)::text
  ) $$;

create temp table first as select syncwell.sync_session(pg_temp.document(), p_device_id => 'phone', p_platform => 'ios') as answer;
select results_eq(
  $$select answer -> 'success', answer -> 'created', answer -> 'already_synced', (answer ->> 'received')::integer, (answer ->> 'inserted')::integer, answer -> 'complete', answer ->> 'sync_status', answer -> 'missing' from first$$,
  $$values ('true'::jsonb, 'true'::jsonb, 'false'::jsonb, 6, 6, 'true'::jsonb, 'completed', '{}'::jsonb)$$, 'a whole session');
select is((select answer #> '{records,reading}' from first), '{"received": 3, "inserted": 3, "duplicates": 0, "updated": 0}', 'by kind');
select results_eq(
  $$select s.local_id, s.status, s.source, s.started_at, s.ended_at, s.sync_attempts, s.last_sync_at, s.device_id, s.platform, s.metadata from syncwell.sync_sessions as s$$,
  $$values ('IHHT_1', 'completed', 'ihht', timestamptz '2026-03-01 11:00+00', timestamptz '2026-03-01 11:30+00', 1, timestamptz '2026-03-01 12:00+00', 'phone', 'ios', '{"room": 1}'::jsonb)$$, 'its row');
select results_eq(
  $$select kind, count(*), min(data_source) from syncwell.session_records group by kind order by kind$$,
  $$values ('adaptive_event', 1::bigint, 'bluetooth'), ('progression', 1::bigint, 'bluetooth'), ('reading', 3::bigint, 'bluetooth'), ('survey_pre', 1::bigint, 'bluetooth')$$, 'its records, which come from where it does');
select results_eq($$select source, status, direction, items_created, items_updated, device_id from syncwell.sync_events$$, $$values ('ihht', 'success', 'push', 6::bigint, 0::bigint, 'phone')$$, 'is a run');
select results_eq($$select spo2, heart_rate from syncwell.session_readings order by at$$, $$values (97::double precision, 60::double precision), (95, 70), (93.5, null)$$, 'session_readings shows what was measured');

-- resent
create temp table state as select pg_temp.tables() as hash;
do $$ begin perform set_config('syncwell.fake_now', '2026-03-01 13:00+00', true); end $$;
create temp table again as select syncwell.sync_session(pg_temp.document(), p_device_id => 'phone', p_platform => 'ios') as answer;
select results_eq(
  $$select answer -> 'success', answer -> 'created', answer -> 'already_synced', (answer ->> 'inserted')::integer, (answer ->> 'updated')::integer, (answer ->> 'duplicates')::integer, answer -> 'session_id' from again$$,
  $$select 'true'::jsonb, 'false'::jsonb, 'true'::jsonb, 0, 0, 6, answer -> 'session_id' from first$$, 'told again: already synced');
select is(pg_temp.tables(), (select hash from state), 'and nothing is another');
select results_eq($$select sync_attempts, last_sync_at from syncwell.sync_sessions$$, $$values (2, timestamptz '2026-03-01 13:00+00')$$, 'but the attempt counts');
select is((select count(*) from syncwell.sync_events where items_created = 0 and status = 'success'), 1::bigint, 'and is a run of nothing');
select is(syncwell.sync_session('{"local_id": "IHHT_1", "survey_post": [{"occurred_at": "2026-03-01T11:29:00Z", "payload": {"mood": 5}}]}') -> 'already_synced', 'false'::jsonb, 'a part of it that comes later is added');
select is((select count(*) from syncwell.sync_sessions), 1::bigint, 'to the same session');
select is((select count(*) from syncwell.session_records where kind = 'survey_post'), 1::bigint, 'with its survey');

-- refused and remembered
create temp table before as select pg_temp.tables() as hash;
create temp table refused as select syncwell.sync_session(
  '{"local_id": "bad", "source": "ihht", "started_at": "2026-03-01T11:00:00Z", "metadata": {"a": 1}, "readings": [
    {"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97}, {"occurred_at": "2026-03-01T11:02:00Z", "spo2": 970}, 5],
    "survey_pre": {"occurred_at": "1999-01-01T00:00:00Z", "payload": {}}}') as answer;
select results_eq(
  $$select answer -> 'success', answer #>> '{error,code}', (answer #>> '{error,status}')::integer, (answer ->> 'received')::integer, (answer ->> 'rejected')::integer from refused$$,
  $$values ('false'::jsonb, 'SW502', 422, 4, 3)$$, 'one bad row sinks it');
select results_eq(
  $$select r ->> 'kind', (r ->> 'position')::integer, r ->> 'reason' from refused, jsonb_array_elements(answer -> 'rejections') as r$$,
  $$values ('reading', 1, 'bad_number'), ('reading', 2, 'not_an_object'), ('survey_pre', 0, 'time_out_of_range')$$, 'and it is told which and why');
select is((select answer -> 'rejected_by_reason' from refused), '{"bad_number": 1, "not_an_object": 1, "time_out_of_range": 1}', 'by reason');
select is(current_setting('response.status', true), '422', 'PostgREST answers with its status');
select is_empty($$select from syncwell.session_records as r join syncwell.sync_sessions as s using (session_id) where s.local_id = 'bad'$$, 'nothing of it is kept');
select results_eq(
  $$select sync_status, sync_attempts, last_error_code, split_part(last_error, ':', 1), started_at, metadata, last_sync_at from syncwell.sync_sessions where local_id = 'bad'$$,
  $$values ('failed', 1, 'SW502', 'records of the session can not be taken', timestamptz '2026-03-01 13:00+00', null::jsonb, null::timestamptz)$$, 'but the attempt');
select results_eq($$select source, status, error_code from syncwell.sync_events where status = 'failed'$$, $$values ('ihht', 'failed', 'SW502')$$, 'and a failed run');
select is(syncwell.sync_session('{"local_id": "bad", "expected": {"reading": "x"}}') #>> '{error,code}', '22023', 'what is told of the session is refused as well');
select is((select sync_attempts from syncwell.sync_sessions where local_id = 'bad'), 2, 'and counts');
select is(syncwell.sync_session('{"local_id": "bad", "started_at": "2026-03-01T11:00:00Z", "readings": [{"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97}]}') -> 'success', 'true'::jsonb, 'mended it is taken');
select results_eq($$select sync_status, sync_attempts, last_error_code, last_error, started_at from syncwell.sync_sessions where local_id = 'bad'$$,
  $$values ('syncing', 3, null, null, timestamptz '2026-03-01 11:00+00')$$, 'and nothing is left of the failure');
do $$ begin
  perform syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a'));
  perform syncwell.sync_session('{"local_id": "secret", "status": "odd"}', p_device_id => 'phone');
  perform syncwell.set_setting('consent_required', null, p_org_id => test.org('a'));
end $$;
select results_eq($$select last_error_code, last_error, device_id from syncwell.sync_sessions where local_id = 'secret'$$, $$values ('22023', null::text, null::text)$$, 'without consent no words are kept');

-- odd ones
select is(syncwell.sync_session('{"local_id": "odd", "readings": [{"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97, "payload": {"note": "a\u0000b\ud800"}}]}') -> 'success', 'true'::jsonb, 'characters that no text can hold are replaced');
select is((select payload ->> 'note' from syncwell.session_records where payload ? 'note'), E'a\uFFFDb\uFFFD', 'by U+FFFD');
select is(syncwell.sync_session(format('{"local_id": "twice", %s}', d)::json) #>> '{error,code}', '22023', d)
from unnest(array['"readings": 5', '"status": "ended"', '"status": 5', '"started_at": "yesterday"', '"ended_at": -5', '"steps": []', '"metadata": []', '"source": "", "source": "x"']) as d;
select throws_ok($$select syncwell.sync_session(null)$$, '22004', null, 'no document');
select throws_ok($$select syncwell.sync_session('[]')$$, '22023', null, 'no object');
select throws_ok($$select syncwell.sync_session('{"readings": []}')$$, '22023', null, 'no name');
do $$ begin perform syncwell.set_setting('ingest.max_rows', '3', p_org_id => test.org('a')); end $$;
select throws_ok($$select syncwell.sync_session(pg_temp.document())$$, 'SW503', null, 'more rows than are taken');
do $$ begin
  perform syncwell.set_setting('ingest.max_rows', null, p_org_id => test.org('a'));
  perform syncwell.set_setting('ingest.max_batch', '1024', p_org_id => test.org('a'));
end $$;
select throws_ok($$select syncwell.sync_session(json_build_object('local_id', 'x', 'metadata', json_build_object('a', repeat('x', 2000))))$$, 'SW503', null, 'more bytes than are taken');
do $$ begin perform syncwell.set_setting('ingest.max_batch', null, p_org_id => test.org('a')); end $$;

-- made up
do $$ begin perform syncwell.sync_session('{"local_id": "demo", "source": "demo", "data_source": "mock", "readings": [{"occurred_at": "2026-03-01T11:01:00Z", "spo2": 97}]}'); end $$;
select is_empty($$select from syncwell.sync_events where source = 'demo'$$, 'a made-up session is no run');
select throws_ok($$select syncwell.sync_session('{"local_id": "x"}', p_user_id => test.id('a_other'))$$, 'SW002', null, 'a member records for itself only');
select * from finish();
rollback;
