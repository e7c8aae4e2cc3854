create or replace function syncwell._seen(
  p_xid xid8,
  p_snapshot pg_snapshot,
  p_own_xids xid8[]
)
returns boolean
language sql immutable security invoker parallel safe
return p_xid is null or pg_catalog.pg_visible_in_snapshot(p_xid, p_snapshot) or p_xid = any(p_own_xids);
comment on function syncwell._seen(xid8, pg_snapshot, xid8[]) is
'Whether a device knows what a transaction did: its cursor''s snapshot sees it, it was its own push, or it is older '
'than the registration (NULL).';
revoke all on function syncwell._seen(xid8, pg_snapshot, xid8[]) from public;
