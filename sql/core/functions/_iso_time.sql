create or replace function syncwell._iso_time(p_text text)
returns timestamptz
language sql stable security invoker parallel safe
-- looked at before it is cast, since an exception a text would be slow
return case
  when
    p_text ~ (
      '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]'
      '(:[0-5][0-9]([.,][0-9]{1,12})?)?([Zz]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)$'
    )
    and pg_catalog.left(p_text, 4) >= '0001'
    and pg_catalog.substr(p_text, 9, 2) <= case
      when pg_catalog.substr(p_text, 6, 2) in ('04', '06', '09', '11') then '30'
      when pg_catalog.substr(p_text, 6, 2) <> '02' then '31'
      when pg_catalog.left(p_text, 4)::integer % 400 = 0 then '29'
      when pg_catalog.left(p_text, 4)::integer % 100 = 0 then '28'
      when pg_catalog.left(p_text, 4)::integer % 4 = 0 then '29'
      else '28'
    end
    then pg_catalog.replace(p_text, ',', '.')::timestamptz
end;
comment on function syncwell._iso_time(text) is
'A time of the years 1 to 9999 from its ISO 8601 text with offset, e.g. 2026-03-01T12:00:00.123Z; NULL for any other '
'text.';
revoke all on function syncwell._iso_time(text) from public;
