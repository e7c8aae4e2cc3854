create or replace function syncwell._cron_day(
  p_day timestamp,
  p_days integer[],
  p_months integer[],
  p_weekdays integer[],
  p_either boolean
)
returns boolean
language sql immutable security invoker parallel safe
begin atomic
  select
    extract(month from p_day)::integer = any(p_months)
    and case
      when p_either
        then extract(day from p_day)::integer = any(p_days) or extract(dow from p_day)::integer = any(p_weekdays)
      else extract(day from p_day)::integer = any(p_days) and extract(dow from p_day)::integer = any(p_weekdays)
    end;
end;
comment on function syncwell._cron_day(timestamp, integer[], integer[], integer[], boolean) is
'Whether a cron schedule fires on a day. p_either: as in cron, where days of month and week are both restricted, '
'either will do.';
revoke all on function syncwell._cron_day(timestamp, integer[], integer[], integer[], boolean) from public;
