create or replace function syncwell._as_time(p_text text)
returns timestamptz
language sql stable security invoker parallel safe
return case
  when
    syncwell._iso_time(p_text) >= timestamptz '2000-01-01 00:00+00'
    and syncwell._iso_time(p_text) < timestamptz '2200-01-01 00:00+00'
    then syncwell._iso_time(p_text)
end;
comment on function syncwell._as_time(text) is
'A time of the years 2000 to 2199 from its ISO 8601 text with offset; NULL for any other text.';
revoke all on function syncwell._as_time(text) from public;
