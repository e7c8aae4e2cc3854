create or replace function syncwell._check_gateway()
returns void
language plpgsql stable security invoker parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
  if (syncwell._identity()).kind is distinct from 'gateway' then
    raise exception using
      errcode = '42501',
      message = 'only a gateway login acts for others',
      detail = format('Login %I is not bound as a gateway.', session_user),
      hint = 'The owner binds a trusted backend''s login with syncwell.bind_login(…, ''gateway'').';
  end if;
end
$$;
comment on function syncwell._check_gateway() is 'Refuses (42501) whoever is not a gateway login.';
revoke all on function syncwell._check_gateway() from public;
