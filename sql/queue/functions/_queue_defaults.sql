create or replace function syncwell._queue_defaults(
  p_org_id uuid,
  out source text,
  out max_attempts integer,
  out max_payload integer,
  out notifies boolean
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  select
    max(e.value) filter (where e.key = 'queue.source'),
    (max(e.value) filter (where e.key = 'queue.max_attempts'))::integer,
    (max(e.value) filter (where e.key = 'queue.max_payload'))::integer,
    (max(e.value) filter (where e.key = 'queue.notify'))::boolean
  into source, max_attempts, max_payload, notifies
  from (
    select d.key, coalesce(s.value, d.default_value) as value
    from syncwell.setting_definitions as d
    left join lateral (
      select o.value
      from syncwell.settings as o
      where o.key = d.key
        and (o.org_id = p_org_id or o.org_id is null)
        and o.source is null
        and o.platform is null
      order by o.org_id nulls last
      limit 1
    ) as s on true
    where d.key in ('queue.source', 'queue.max_attempts', 'queue.max_payload', 'queue.notify')
  ) as e;
end
$$;
comment on function syncwell._queue_defaults(uuid) is
'The settings that every operation that is sent needs, as they hold for an org, in one look.';
revoke all on function syncwell._queue_defaults(uuid) from public;
