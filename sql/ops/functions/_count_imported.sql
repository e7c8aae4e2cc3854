create or replace function syncwell._count_imported(
  p_org_id uuid,
  p_kind text,
  p_records syncwell.session_records[],
  p_inserted uuid[]
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_known record;
begin
  for v_known in
    select
      n.session_id, n.last_received_at,
      jsonb_populate_record(null::syncwell.session_counts, to_jsonb(n)) as added,
      c as counted
    from (
      select
        r.session_id, p_kind as kind, min(r.occurred_at) as first_at, max(r.occurred_at) as last_at,
        min(r.received_at) as first_received_at, max(r.received_at) as last_received_at,
        count(*) filter (
          where r.id = any(p_inserted)
            and r.received_at > greatest(r.occurred_at, s.created_at)
              + syncwell._setting(p_org_id, 'ingest.late_after', s.source)::interval
        ) as late_records
      from unnest(p_records) as r
      left join syncwell.sync_sessions as s on s.org_id = p_org_id and s.session_id = r.session_id
      group by r.session_id
    ) as n
    left join syncwell.session_counts as c
      on c.org_id = p_org_id and c.session_id = n.session_id and c.kind = p_kind
  loop
    perform syncwell._recount_session(
      p_org_id, v_known.session_id, array[p_kind],
      array_remove(array[v_known.added, v_known.counted]::syncwell.session_counts[], null)
    );
    update syncwell.sync_sessions as s
    set
      last_sync_at = greatest(s.last_sync_at, v_known.last_received_at),
      sync_status = syncwell._session_sync_status(s.org_id, s.session_id, s.status, s.expected)
    where s.org_id = p_org_id and s.session_id = v_known.session_id;
  end loop;
end
$$;
comment on function syncwell._count_imported(uuid, text, syncwell.session_records[], uuid[]) is
'Counts anew the sessions of imported records, of which p_inserted are new.';
revoke all on function syncwell._count_imported(uuid, text, syncwell.session_records[], uuid[]) from public;
