create or replace function syncwell._session_missing(
  p_org_id uuid,
  p_session_id uuid,
  p_expected jsonb
)
returns jsonb
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    jsonb_object_agg(
      e.kind, jsonb_build_object('expected', e.expected, 'stored', coalesce(c.records, 0))
      order by e.kind
    ),
    '{}'
  )
  from (
    select x.key as kind, x.value::bigint as expected from jsonb_each_text(p_expected) as x
  ) as e
  left join syncwell.session_counts as c
    on c.org_id = p_org_id and c.session_id = p_session_id and c.kind = e.kind
  where e.expected > coalesce(c.records, 0);
$$;
comment on function syncwell._session_missing(uuid, uuid, jsonb) is
'Of which kinds a session has fewer records than p_expected ({kind: number}) says: {kind: {"expected", "stored"}}; {} '
'where nothing is missing or nothing was told.';
revoke all on function syncwell._session_missing(uuid, uuid, jsonb) from public;
