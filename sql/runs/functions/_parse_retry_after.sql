create or replace function syncwell._parse_retry_after(p_value text)
returns interval
language plpgsql stable strict security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_time constant text := '([0-9]{2}):([0-9]{2}):([0-9]{2})';
  v_value text := btrim(p_value);
  v_part text[]; -- day, month, year, hour, minute, second
  v_year integer;
  v_at timestamptz;
  v_now constant timestamptz := syncwell._now();
begin
  if length(v_value) > 64 then
    return null;
  end if;
  if v_value ~ '^[0-9]+$' then
    return make_interval(secs => least(v_value::numeric, 1e9)::double precision);
  end if;

  -- the three dates of RFC 9110: IMF-fixdate, RFC 850, asctime
  v_part := regexp_match(v_value, '^[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ' || c_time || ' GMT$');
  if v_part is null then
    v_part := regexp_match(v_value, '^[A-Z][a-z]+, ([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2}) ' || c_time || ' GMT$');
  end if;
  if v_part is null then
    v_part := regexp_match(v_value, '^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ 0-9][0-9]) ' || c_time || ' ([0-9]{4})$');
    v_part := array[btrim(v_part[2]), v_part[1], v_part[6], v_part[3], v_part[4], v_part[5]];
  end if;

  v_year := v_part[3]::integer;
  if length(v_part[3]) = 2 then
    -- two digits that seem more than 50 years ahead mean the century before
    v_year := v_year + extract(year from v_now)::integer / 100 * 100;
    if v_year > extract(year from v_now)::integer + 50 then
      v_year := v_year - 100;
    end if;
  end if;
  v_at := make_timestamptz(
    v_year, array_position('{Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec}'::text[], v_part[2]),
    v_part[1]::integer, v_part[4]::integer, v_part[5]::integer, v_part[6]::double precision, 'UTC'
  );
  return case when v_at is not null then greatest(v_at - v_now, interval '0') end;
exception
  when datetime_field_overflow then
    return null;
end
$$;
comment on function syncwell._parse_retry_after(text) is
'How long a Retry-After header asks to wait: seconds or an HTTP date (IMF-fixdate, RFC 850, asctime) from now; 0 for '
'the past, NULL when it is neither.';
revoke all on function syncwell._parse_retry_after(text) from public;
