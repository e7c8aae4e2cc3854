create or replace function syncwell._existed(
  p_created_xid xid8,
  p_earlier_lives xid8[],
  p_snapshot pg_snapshot,
  p_own_xids xid8[]
)
returns boolean
language sql immutable security invoker parallel safe
return
case
  when syncwell._seen(p_created_xid, p_snapshot, p_own_xids) then true
  when p_earlier_lives is null then false
  -- births and deaths in turn, counted from the newest, which is a death
  else coalesce(
    (
      select (pg_catalog.cardinality(p_earlier_lives) - e.position) % 2 = 1
      from pg_catalog.unnest(p_earlier_lives) with ordinality as e (xid, position)
      where syncwell._seen(e.xid, p_snapshot, p_own_xids)
      order by e.position desc
      limit 1
    ),
    -- more lives than are kept
    pg_catalog.cardinality(p_earlier_lives) >= 20
  )
end;
comment on function syncwell._existed(xid8, xid8[], pg_snapshot, xid8[]) is
'Whether a device has a record that lives now, by what its cursor''s snapshot and its own pushes saw last: a birth or '
'a death. Exact for up to ten lives of one id; beyond, it is assumed to have it.';
revoke all on function syncwell._existed(xid8, xid8[], pg_snapshot, xid8[]) from public;
