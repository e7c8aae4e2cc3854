create or replace function syncwell._check_scope(p_scope text)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from syncwell.consent_scopes as s where s.scope = p_scope;
  if not found then
    raise exception using
      errcode = 'SW020',
      message = 'there is nothing of this name to consent to',
      detail = format('p_scope is %s.', coalesce(quote_literal(left(p_scope, 100)), 'NULL')),
      hint = 'select scope, description from syncwell.consent_scopes lists them.';
  end if;
end
$$;
comment on function syncwell._check_scope(text) is 'Refuses (SW020) a scope that is not in consent_scopes, and NULL.';
revoke all on function syncwell._check_scope(text) from public;
