create or replace function syncwell._keep_activity()
returns trigger
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.user_id is null and old.user_id is not null then
    -- texts may speak of the person, and without a user nobody would ask for consent
    new.error_message := null;
    old.user_id := null;
  end if;
  if new.error_message is null then
    old.error_message := null;
  end if;
  if new is distinct from old then
    raise exception using
      errcode = '42501',
      message = 'the activity log is append-only',
      detail = 'An entry was to be changed.',
      hint = 'Only a user or the text of an error can be taken out of it: set it to NULL.';
  end if;
  return new;
end
$$;
comment on function syncwell._keep_activity() is
'Trigger of sync_activity_log: an entry stays as it is, whoever writes; only the text of its error can be taken out, '
'and its user, with whom that text goes too. Errors: 42501.';
revoke all on function syncwell._keep_activity() from public;
