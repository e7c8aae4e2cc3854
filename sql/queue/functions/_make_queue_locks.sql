create or replace function syncwell._make_queue_locks(p_org_id uuid)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.queue_locks (org_id, kind, stripe)
  select p_org_id, k.kind, s.stripe
  from unnest(array['twins', 'order']) as k (kind)
  cross join generate_series(0, 63) as s (stripe)
  order by k.kind, s.stripe
  on conflict (org_id, kind, stripe) do nothing;
end
$$;
comment on function syncwell._make_queue_locks(uuid) is 'Makes an org''s rows of queue_locks.';
revoke all on function syncwell._make_queue_locks(uuid) from public;
