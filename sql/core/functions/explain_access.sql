create or replace function syncwell.explain_access(
  p_table text,
  p_id uuid,
  out visible boolean,
  out policy text,
  out reason text
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_key text;
  v_seen boolean;
  v_policy record;
begin
  -- the last column of the primary key: the first is the org
  select c.oid::regclass, a.attname into v_table, v_key
  from pg_class as c
  join pg_index as i on i.indrelid = c.oid and i.indisprimary
  join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[i.indnkeyatts - 1]
  where c.relnamespace = 'syncwell'::regnamespace
    and c.relname = p_table
    and not c.relispartition
    and a.atttypid = 'uuid'::regtype;
  if not found or p_id is null then
    raise exception using
      errcode = '22023',
      message = 'nothing to explain',
      detail = format('%L is no table of syncwell with rows that an id names, or the id is NULL.', p_table),
      hint = 'Pass a table''s bare name and an id, e.g. syncwell.explain_access(''streams'', …).';
  end if;

  visible := false;
  if not has_column_privilege(v_table, v_key, 'select') then
    reason := format('role %I may not read this table at all', current_user);
    return;
  end if;
  execute format('select exists (select from %s where %I = $1)', v_table, v_key) into visible using p_id;
  if not visible then
    reason := 'no policy shows this caller a row of that id: it belongs to somebody else, or there is none';
    return;
  end if;

  if not row_security_active(v_table) then
    reason := 'row-level security does not bind this role: it owns the table or bypasses policies';
    return;
  end if;
  for v_policy in
    select p.polname, pg_get_expr(p.polqual, p.polrelid) as condition
    from pg_policy as p
    where p.polrelid = v_table and p.polpermissive and p.polcmd in ('r', '*')
    order by p.polname
  loop
    execute format('select exists (select from %s where %I = $1 and (%s))', v_table, v_key, v_policy.condition)
    into v_seen using p_id;
    if v_seen then
      policy := v_policy.polname;
      reason := v_policy.condition;
      return;
    end if;
  end loop;
end
$$;
comment on function syncwell.explain_access(text, uuid) is
'Whether the caller sees the row p_id of the table p_table, by which policy, and that policy''s condition. A row of '
'somebody else and a row that is not there get the same answer. Errors: 22023 for a table that ids do not name.';
revoke all on function syncwell.explain_access(text, uuid) from public;
grant execute on function syncwell.explain_access(text, uuid)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;
