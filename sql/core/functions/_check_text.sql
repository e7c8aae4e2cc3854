create or replace function syncwell._check_text(
  p_name text,
  p_value text,
  p_max integer
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if length(p_value) > p_max then
    raise exception using
      errcode = '22001',
      message = format('%s is too long', p_name),
      detail = format('It has %s characters; at most %s are kept.', length(p_value), p_max),
      hint = 'Shorten it before the call.';
  end if;
end
$$;
comment on function syncwell._check_text(text, text, integer) is
'Refuses (22001) a text of more than p_max characters; NULL passes. The text itself is never repeated in the error.';
revoke all on function syncwell._check_text(text, text, integer) from public;
