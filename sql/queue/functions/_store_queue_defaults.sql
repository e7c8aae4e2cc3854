create or replace function syncwell._store_queue_defaults(p_org_ids uuid[])
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  -- of two that change them at once, the later one must see what the first has set
  lock table syncwell.queue_defaults in share row exclusive mode;
  insert into syncwell.queue_defaults as q (org_id, source, max_attempts, max_payload, notifies, varies)
  select
    o.org_id, d.source, d.max_attempts, d.max_payload, d.notifies,
    d.source !~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$' or exists (
      select from syncwell.settings as s
      where s.key = any(syncwell._queue_default_keys())
        and (s.org_id is null or s.org_id = o.org_id)
        and (s.source is not null or s.platform is not null)
    )
  from unnest(p_org_ids) as o (org_id)
  cross join lateral syncwell._queue_defaults(o.org_id) as d
  on conflict (org_id) do update
  set
    source = excluded.source,
    max_attempts = excluded.max_attempts,
    max_payload = excluded.max_payload,
    notifies = excluded.notifies,
    varies = excluded.varies;
end
$$;
comment on function syncwell._store_queue_defaults(uuid[]) is
'Brings queue_defaults of these orgs up to date.';
revoke all on function syncwell._store_queue_defaults(uuid[]) from public;
