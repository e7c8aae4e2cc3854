create or replace function syncwell._stamp_tombstones(
  p_org_id uuid,
  p_user_id uuid,
  p_records jsonb
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  update syncwell.record_changes as c
  set
    -- as if it had lived once more, for a moment: who saw the death and not this is not taken to have the record
    earlier_lives
    = (c.earlier_lives || array[c.created_xid, c.xid])[greatest(cardinality(c.earlier_lives) - 17, 1) :],
    created_xid = pg_current_xact_id(),
    xid = pg_current_xact_id()
  from (
    select o.scope, o.table_id, o.record_id
    from jsonb_each(p_records) as e
    cross join lateral jsonb_array_elements_text(e.value) as i (id)
    inner join syncwell.synced_tables as t on t.table_id = e.key::integer
    inner join syncwell.record_changes as o
      on o.scope = case t.scope_kind when 'org' then p_org_id else p_user_id end
        and o.table_id = t.table_id and o.record_id = i.id
    where o.deleted_at is not null and o.xid <> pg_current_xact_id()
    order by o.scope, o.table_id, o.record_id
    for no key update of o
  ) as l
  where c.scope = l.scope and c.table_id = l.table_id and c.record_id = l.record_id;
end
$$;
comment on function syncwell._stamp_tombstones(uuid, uuid, jsonb) is
'Has the deletions of these records of a user or org, {"<table id>": ["id", …]}, told once more by the next pull. What '
'lives, and what has no tombstone, is left alone.';
revoke all on function syncwell._stamp_tombstones(uuid, uuid, jsonb) from public;
