create or replace function syncwell._block_source(
  p_org_id uuid,
  p_source text,
  p_now timestamptz,
  p_until timestamptz,
  p_cooldown interval
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.circuits as c (org_id, source, state, opened_at, cooldown, reopen_at)
  values (p_org_id, p_source, 'open', p_now, p_cooldown, p_until)
  on conflict (org_id, source) do update
  set
    state = 'open',
    opened_at = excluded.opened_at,
    cooldown = case when c.state = 'closed' then excluded.cooldown else c.cooldown end,
    reopen_at = greatest(excluded.reopen_at, case when c.state = 'open' then c.reopen_at end),
    probe_token = null,
    probe_event = null,
    probe_until = null;
end
$$;
comment on function syncwell._block_source(uuid, text, timestamptz, timestamptz, interval) is
'Opens a source''s circuit until p_until, because the source asked for it (Retry-After).';
revoke all on function syncwell._block_source(uuid, text, timestamptz, timestamptz, interval) from public;
