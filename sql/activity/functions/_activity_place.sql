create or replace function syncwell._activity_place(
  p_page_token text,
  out created_at timestamptz,
  out id uuid
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_page_token ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    begin
      created_at := split_part(p_page_token, '_', 1)::timestamptz;
      id := split_part(p_page_token, '_', 2)::uuid;
      return;
    exception
      -- looks like a time, such as the 31st of February
      when datetime_field_overflow or invalid_datetime_format then null;
    end;
  end if;
  raise exception using
    errcode = '22023',
    message = 'this is no page token',
    detail = 'p_page_token is not one that get_sync_activity() has returned.',
    hint = 'Pass page_token of the last row you have, with the same filters.';
end
$$;
comment on function syncwell._activity_place(text) is
'The place in the activity log that a page token of get_sync_activity() names: its last entry''s time and id. Errors: '
'22023.';
revoke all on function syncwell._activity_place(text) from public;
