create or replace function syncwell._metric_time(
  p_metrics jsonb,
  p_key text,
  p_now timestamptz
)
returns timestamptz
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_type constant text := jsonb_typeof(p_metrics -> p_key);
  v_text constant text := p_metrics ->> p_key;
  v_time timestamptz;
begin
  if v_type not in ('string', 'null') then
    perform syncwell._refuse_metric(p_key, format('is of type %s and no text', v_type));
  end if;
  if v_text is null then
    return null;
  end if;
  -- nothing that the session's DateStyle or TimeZone decides, and no word such as infinity or now
  if v_text !~ '^[0-9]{4}(-[0-9]{2}){2}[T ][0-9]{2}(:[0-9]{2}){1,2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$' then
    perform syncwell._refuse_metric(p_key, 'is no time in ISO 8601 with an offset, e.g. 2026-03-29T01:30:00Z');
  end if;
  begin
    v_time := v_text::timestamptz;
  exception
    when data_exception then
      perform syncwell._refuse_metric(p_key, 'is a time that does not exist');
  end;
  if v_time < '2000-01-01 00:00+00' then
    perform syncwell._refuse_metric(p_key, 'is before the year 2000');
  end if;
  if v_time > p_now + interval '5 minutes' then
    perform syncwell._refuse_metric(p_key, 'is more than 5 minutes ahead of the clock of the server');
  end if;
  return v_time;
end
$$;
comment on function syncwell._metric_time(jsonb, text, timestamptz) is
'A metric that is a time in ISO 8601 with an offset, from 2000 on and at most 5 minutes after p_now; NULL where it is '
'not told, or JSON null. Errors: SW605.';
revoke all on function syncwell._metric_time(jsonb, text, timestamptz) from public;
