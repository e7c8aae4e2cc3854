create or replace function syncwell._conflict_policy(
  p_conflict_policy text,
  out policy text,
  out policy_function text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_path text[];
  v_function record;
begin
  if p_conflict_policy in ('reject', 'last_write_wins', 'merge_columns', 'server_wins') then
    policy := p_conflict_policy;
    return;
  end if;
  begin
    v_path := parse_ident(p_conflict_policy);
  exception
    when invalid_parameter_value then null;
  end;
  select p.oid, p.prorettype, p.proretset, p.prokind into v_function
  from pg_proc as p
  inner join pg_namespace as n on n.oid = p.pronamespace
  where cardinality(v_path) = 2
    and n.nspname = v_path[1]
    and p.proname = v_path[2]
    and oidvectortypes(p.proargtypes) = 'jsonb, jsonb, text[]';
  if not found then
    perform syncwell._refuse_table(
      format('There is no conflict policy and no function %L.', p_conflict_policy),
      'One of reject, last_write_wins, merge_columns, server_wins, or the name of a function with its schema, of the '
      'arguments (server jsonb, client jsonb, changed text[]).'
    );
  elsif v_function.prorettype <> 'jsonb'::regtype or v_function.proretset or v_function.prokind <> 'f' then
    perform syncwell._refuse_table(
      format('The function %s does not return one jsonb.', v_function.oid::regprocedure),
      'It returns the record to keep, or NULL to refuse the push.'
    );
  end if;
  policy := 'function';
  policy_function := v_function.oid::regproc::text;
end
$$;
comment on function syncwell._conflict_policy(text) is
'One of the four policies, or function with the name of one that decides. Errors: SW302.';
revoke all on function syncwell._conflict_policy(text) from public;
