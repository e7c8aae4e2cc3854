create or replace function syncwell._check_active_hours(p_active_hours text)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  c_day constant text := '(Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
  c_days constant text := c_day || '(-' || c_day || ')?';
  c_time constant text := '([01][0-9]|2[0-3]):[0-5][0-9]';
  v_match text[];
begin
  if p_active_hours is null then
    return;
  end if;
  v_match := regexp_match(
    p_active_hours,
    '^(?:' || c_days || '(?:,' || c_days || ')* )?((?:' || c_time || '))-((?:' || c_time || ')|24:00)$'
  );
  if v_match is null or split_part(right(p_active_hours, 11), '-', 1) = right(p_active_hours, 5) then
    raise exception using
      errcode = '22023',
      message = 'these are no active hours',
      detail = format('p_active_hours is %L.', left(p_active_hours, 100)),
      hint = 'Days and hours, e.g. ''Mon-Fri 08:00-18:00'', ''Mon,Wed,Sat-Sun 22:00-06:00'' or ''06:00-24:00''.';
  end if;
end
$$;
comment on function syncwell._check_active_hours(text) is
'Refuses (22023) active hours that are not [days ]HH:MM-HH:MM; days are Mon…Sun, ranges or lists; hours may pass '
'midnight; NULL passes.';
revoke all on function syncwell._check_active_hours(text) from public;
