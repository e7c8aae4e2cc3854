create or replace function syncwell._cron_field(
  p_field text,
  p_minimum integer,
  p_maximum integer,
  p_names text[] default null
)
returns integer[]
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
declare
  v_part text;
  v_match text[];
  v_from integer;
  v_to integer;
  v_step integer;
  v_values integer[] := array[]::integer[];
  v_name record;
  v_field text := lower(p_field);
begin
  for v_name in
    select n.name, n.ordinality - 1 + p_minimum as number
    from unnest(p_names) with ordinality as n (name, ordinality)
    where v_field ~ '[a-z]'
  loop
    v_field := regexp_replace(v_field, '\m' || v_name.name || '\M', v_name.number::text, 'g');
  end loop;

  foreach v_part in array string_to_array(v_field, ',') loop
    v_match := regexp_match(v_part, '^(?:(\*)|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?$');
    v_step := coalesce(v_match[4]::integer, 1);
    v_from := case when v_match[1] is null then v_match[2]::integer else p_minimum end;
    v_to := case
      when v_match[3] is not null then v_match[3]::integer
      -- 5/10 means from 5 on to the end
      when v_match[1] is not null or v_match[4] is not null then p_maximum
      else v_from
    end;
    if v_match is null or v_step = 0 or v_from < p_minimum or v_to > p_maximum or v_from > v_to then
      raise exception using
        errcode = '22023',
        message = 'this is no cron schedule',
        detail = format('%L is no field of values from %s to %s.', left(p_field, 100), p_minimum, p_maximum),
        hint = 'Five fields: minute hour day-of-month month day-of-week; each *, a number, a-b, with /step, or a list.';
    end if;
    v_values := v_values || array(select generate_series(v_from, v_to, v_step));
  end loop;
  return array(select distinct v from unnest(v_values) as v order by v);
end
$$;
comment on function syncwell._cron_field(text, integer, integer, text[]) is
'The values one cron field stands for, ascending: *, numbers, ranges, steps, lists, and names (the first one is '
'p_minimum). Errors: 22023.';
revoke all on function syncwell._cron_field(text, integer, integer, text[]) from public;
