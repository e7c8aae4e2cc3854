create or replace function syncwell._checked_rows(
  p_kind text,
  p_documents jsonb[],
  p_too_large integer[],
  p_oldest timestamptz,
  p_latest timestamptz,
  p_is_careful boolean
)
returns syncwell.ingest_row[]
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_event constant boolean := p_kind = 'event';
  v_known constant text[] := case
    when v_is_event
      then array['external_id', 'occurred_at', 'written_at', 'platform', 'data_source', 'session', 'payload']
    else array['occurred_at', 'written_at', 'data_source', 'local_id', 'spo2', 'heart_rate', 'payload']
  end;
  v_name constant text := case when v_is_event then 'external_id' else 'local_id' end;
begin
  return array(
    with fields as materialized (
      select
        d.at::integer - 1 as place,
        d.document as d,
        coalesce(jsonb_typeof(d.document), '') = 'object' as is_object,
        syncwell._row_time(d.document, 'occurred_at', p_is_careful) as occurred_at,
        syncwell._row_time(d.document, 'written_at', p_is_careful) as written_at,
        d.document ->> v_name as name,
        d.document ->> 'data_source' as data_source,
        case when v_is_event then d.document ->> 'platform' end as platform,
        case when v_is_event then d.document ->> 'session' end as session,
        case when not v_is_event then syncwell._row_number(d.document, 'spo2', p_is_careful) end as spo2,
        case when not v_is_event then syncwell._row_number(d.document, 'heart_rate', p_is_careful) end as heart_rate,
        nullif(d.document -> 'payload', 'null') as payload,
        case when jsonb_typeof(d.document) = 'object' then d.document - v_known end as others
      from unnest(p_documents) with ordinality as d (document, at)
    ),
    checked as materialized (
      select
        f.*,
        case
          when not f.is_object then case
            when f.d is not null then 'not_an_object: it is no JSON object'
            when f.place + 1 = any (p_too_large) then 'row_too_large: it has more bytes than ingest.max_row allows'
            else 'unreadable: a number is out of range, or it is nested too deeply'
          end
          when f.occurred_at is null then case
            when f.d ->> 'occurred_at' is null then 'missing_time: occurred_at is needed'
            else 'bad_time: occurred_at is neither ISO 8601 with offset nor milliseconds since 1970'
          end
          when f.written_at is null and f.d ->> 'written_at' is not null
            then 'bad_time: written_at is neither ISO 8601 with offset nor milliseconds since 1970'
          when f.occurred_at < '2000-01-01 00:00+00' then 'time_out_of_range: occurred_at lies before 2000'
          when f.occurred_at > p_latest
            then 'time_out_of_range: occurred_at lies further ahead than ingest.clock_tolerance allows'
          when f.occurred_at < p_oldest then 'too_old: occurred_at is longer ago than ingest.key_retention'
          when f.written_at < '2000-01-01 00:00+00' then 'time_out_of_range: written_at lies before 2000'
          when f.data_source <> all (array['mock', 'bluetooth', 'manual'])
            then 'bad_data_source: data_source must be mock, bluetooth or manual'
          when f.name is not null and (
            length(f.name) not between 1 and 200
            or case jsonb_typeof(f.d -> v_name)
              when 'string' then false
              when 'number' then f.name !~ '^-?[0-9]+$'
              else true
            end
          )
            then format('bad_%1$s: %1$s must be a text of 1 to 200 characters or a whole number', v_name)
          when f.payload is not null and jsonb_typeof(f.payload) <> 'object'
            then 'bad_payload: payload must be an object'
          when f.payload is not null and f.others <> '{}'
            then 'unknown_member: beside payload only the members that are documented are taken'
          when v_is_event then case
            when f.platform <> all (array['android', 'ios', 'web', 'server', 'other'])
              then 'bad_platform: platform must be android, ios, web, server or other'
            when f.session is not null
              and (length(f.session) not between 1 and 200 or jsonb_typeof(f.d -> 'session') <> 'string')
              then 'bad_session: session must be a text of 1 to 200 characters'
          end
          when f.d ->> 'spo2' is not null and (f.spo2 is null or f.spo2 not between 0 and 100)
            then 'bad_number: spo2 must be a number from 0 to 100'
          when f.d ->> 'heart_rate' is not null and (f.heart_rate is null or f.heart_rate not between 0 and 400)
            then 'bad_number: heart_rate must be a number from 0 to 400'
          when p_kind = 'reading' and coalesce(f.spo2, f.heart_rate) is null and f.payload is null and f.others = '{}'
            then 'bad_payload: a reading needs spo2, heart_rate or something else that it says'
        end as fault
      from fields as f
    )
    select case
      when c.fault is not null
        then row(c.place, c.fault, null, null, null, null, null, null, null, null, null, null)::syncwell.ingest_row
      when v_is_event then row(
        c.place,
        null,
        coalesce(c.name, syncwell._event_name(c.occurred_at, coalesce(c.payload, c.others))),
        c.occurred_at, c.written_at, c.data_source, c.platform, c.session, null, null,
        coalesce(c.payload, c.others),
        null
      )::syncwell.ingest_row
      else row(
        c.place, null, null, c.occurred_at, c.written_at, c.data_source, null, null,
        c.spo2, c.heart_rate, coalesce(c.payload, nullif(c.others, '{}')),
        c.name
      )::syncwell.ingest_row
    end
    from checked as c
    order by c.place
  );
end
$$;
comment on function syncwell._checked_rows(text, jsonb[], integer[], timestamptz, timestamptz, boolean) is
'The rows of a batch from their documents: NULL is one that could not be read, or is too large (places from 1 in '
'p_too_large). p_oldest and p_latest bound occurred_at. p_is_careful false: raises class 22 for texts that only '
'look like a time, and for numbers out of range.';
revoke all on function syncwell._checked_rows(text, jsonb[], integer[], timestamptz, timestamptz, boolean) from public;
