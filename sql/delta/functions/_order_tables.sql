create or replace function syncwell._order_tables()
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_placed integer[] := array[]::integer[];
  v_next integer;
begin
  loop
    -- a table whose targets are all placed; in a circle of foreign keys, the oldest
    select t.table_id into v_next
    from syncwell.synced_tables as t
    where t.table_id <> all (v_placed)
    order by
      exists (
        select
        from pg_constraint as k
        inner join syncwell.synced_tables as o on o.relation = k.confrelid
        where k.contype = 'f'
          and k.conrelid = t.relation
          and o.table_id <> t.table_id
          and o.table_id <> all (v_placed)
      ),
      t.table_id
    limit 1;
    exit when not found;
    v_placed := v_placed || v_next;
  end loop;
  update syncwell.synced_tables as t
  set position = p.position
  from unnest(v_placed) with ordinality as p (table_id, position)
  where t.table_id = p.table_id and t.position is distinct from p.position;
end
$$;
comment on function syncwell._order_tables() is
'Numbers the synced tables so that a foreign key''s target comes before the table that has the key.';
revoke all on function syncwell._order_tables() from public;
