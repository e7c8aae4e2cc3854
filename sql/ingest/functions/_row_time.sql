create or replace function syncwell._row_time(
  p_row jsonb,
  p_member text,
  p_is_careful boolean
)
returns timestamptz
language sql stable security invoker parallel safe
return case
  -- what nearly all devices write, told by its shape, since the full check takes five times as long
  when
    not p_is_careful
    and (p_row ->> p_member) like '2___-__-__T__:__:__%Z'
    and (p_row ->> p_member) not like '% %'
    then (p_row ->> p_member)::timestamptz
  when pg_catalog.jsonb_typeof(p_row -> p_member) = 'number'
    then syncwell._epoch_time((p_row ->> p_member)::numeric)
  when pg_catalog.jsonb_typeof(p_row -> p_member) = 'string' then syncwell._iso_time(p_row ->> p_member)
end;
comment on function syncwell._row_time(jsonb, text, boolean) is
'A time in a row of a batch: ISO 8601 with offset as text, or milliseconds since 1970 as number; NULL for anything '
'else. p_is_careful false: raises class 22 for texts that only look like a time at a glance.';
revoke all on function syncwell._row_time(jsonb, text, boolean) from public;
