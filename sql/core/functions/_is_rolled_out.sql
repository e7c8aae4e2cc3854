create or replace function syncwell._is_rolled_out(
  p_flag text,
  p_org_id uuid,
  p_percent integer
)
returns boolean
language sql immutable security invoker parallel safe
-- four bytes of the hash, as a share of 100: an org keeps its place, and the bar moves past it
return (
  'x' || pg_catalog.encode(
    pg_catalog.substring(pg_catalog.sha256(pg_catalog.convert_to(p_flag || ' ' || p_org_id, 'UTF8')), 1, 4), 'hex'
  )
)::bit(32)::bigint * 100 / 4294967296 < p_percent;
comment on function syncwell._is_rolled_out(text, uuid, integer) is
'Whether an org is among the first p_percent of 100 in the order of a hash of flag and org: the same orgs at each '
'percentage on any server, other ones for each flag.';
revoke all on function syncwell._is_rolled_out(text, uuid, integer) from public;
