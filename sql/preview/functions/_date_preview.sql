create or replace function syncwell._date_preview()
returns trigger
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- but for the place of one that is being computed
  if new.computed_at > '-infinity' and new.expires_at > new.computed_at + interval '30 days' then
    raise exception using
      errcode = '22023',
      message = 'a preview can not be valid for so long',
      detail = format('It would be until %s.', new.expires_at),
      hint = 'At most 30 days.';
  end if;
  new.updated_at := syncwell._now();
  new.created_at := case when tg_op = 'INSERT' then coalesce(new.created_at, new.computed_at) else old.created_at end;
  return new;
end
$$;
comment on function syncwell._date_preview() is
'Trigger: keeps when a preview''s row was made and written, and lets none live longer than 30 days. Errors: 22023.';
revoke all on function syncwell._date_preview() from public;
