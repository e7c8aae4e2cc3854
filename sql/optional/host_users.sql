-- A host's own users and orgs, mirrored into syncwell's by trigger: an example to adapt.
--
-- The host's table is auth.users_extended(id uuid, org_id uuid, …), as on Supabase beside auth.users; put the name of
-- yours, and of its columns, in its place. What is done to it, is done to syncwell.users in the same transaction:
--
--   a new row     the user is registered as a member; the org too, under its id, unless it is there already
--   a deletion    the user is erased, at COMMIT: when all that hangs on the row is deleted too (see erase_user())
--   another org   is refused (22023): a user has one org, for ever
--   TRUNCATE      does nothing here
--
-- Names and roles stay syncwell's: register_org() and register_user() change them, and nothing here takes that back.
--
-- Run it with psql -1, after the migrations, as who ran those; running it again does no harm. The trigger's functions
-- run as who made them, who must be a member of syncwell_operator, and own or be granted TRIGGER on the table.

do $$
begin
  if not pg_has_role(current_user, 'syncwell_operator', 'usage') then
    raise exception using
      errcode = '42501',
      message = 'users are registered by operators',
      detail = format('%s is no member of syncwell_operator.', current_user),
      hint = 'grant syncwell_operator to it: the trigger''s functions run as it.';
  end if;
end
$$;

create or replace function public.syncwell_register_user()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    perform syncwell.register_user(p_org_id => new.org_id, p_user_id => new.id);
  exception
    when sqlstate 'SW003' then
      perform syncwell.register_org(p_name => new.org_id::text, p_org_id => new.org_id);
      perform syncwell.register_user(p_org_id => new.org_id, p_user_id => new.id);
  end;
  return null;
end
$$;
comment on function public.syncwell_register_user() is
'Trigger: registers a host''s new user, and its org if that is new. Errors: 22023 (the user is one of another org).';
revoke all on function public.syncwell_register_user() from public;

create or replace function public.syncwell_erase_user()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    perform syncwell.erase_user(p_user_id => old.id);
  exception
    when sqlstate 'SW002' then null; -- nothing is known of it
  end;
  return null;
end
$$;
comment on function public.syncwell_erase_user() is
'Trigger: erases a host''s deleted user, see syncwell.erase_user(). Errors: those of that, but SW002.';
revoke all on function public.syncwell_erase_user() from public;

create or replace trigger syncwell_new_user
after insert on auth.users_extended
for each row execute function public.syncwell_register_user();

create or replace trigger syncwell_changed_user
after update of id, org_id on auth.users_extended
for each row when ((old.id, old.org_id) is distinct from (new.id, new.org_id))
execute function public.syncwell_register_user();

drop trigger if exists syncwell_deleted_user on auth.users_extended;
create constraint trigger syncwell_deleted_user
after delete on auth.users_extended
deferrable initially deferred
for each row execute function public.syncwell_erase_user();

-- those who are there already
select count(syncwell.register_org(p_name => h.org_id::text, p_org_id => h.org_id)) as orgs
from (select distinct u.org_id from auth.users_extended as u) as h
left join syncwell.orgs as o on h.org_id = o.org_id
where o.org_id is null;

select count(syncwell.register_user(p_org_id => h.org_id, p_user_id => h.id)) as users
from auth.users_extended as h
left join syncwell.users as u on h.id = u.user_id
where u.user_id is null;
