create or replace function syncwell._queue_requests(
  p_org_id uuid,
  p_user_id uuid,
  p_elements json
)
returns table (
  place integer,
  request syncwell.queue_request,
  fault text[]
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_keys constant text[] := array[
    'operation_type', 'payload', 'source', 'dedup_key', 'mode', 'priority', 'run_at', 'max_attempts', 'ordering_key',
    'depends_on', 'platform', 'device_id'
  ];
  v_varies constant boolean := exists (select from syncwell.queue_defaults as d where d.org_id = p_org_id and d.varies);
begin
  return query
  with elements as materialized (
    select e.ordinality::integer - 1 as place, e.value::text as element
    from json_array_elements(p_elements) with ordinality as e
  ),
  -- one character that no text here can hold would make the whole batch unreadable
  documents as materialized (
    select e.place, case when syncwell._repaired_json(e.element)::text = e.element then e.element::jsonb end as d
    from elements as e
  ),
  -- settings may differ by source and platform: each of those that are named is looked up once
  defaults as materialized (
    select p.key, q.source, q.max_attempts, q.max_payload
    from (
      select distinct array[o.d ->> 'source', o.d ->> 'platform'] as key from documents as o where v_varies
      union all
      select array[null, null]::text[] where not v_varies
    ) as p
    cross join lateral syncwell._queue_defaults(p_org_id, p.key[1], p.key[2]) as q
  ),
  fields as materialized (
    select
      o.place,
      case
        when o.d is null then array['22P05', 'it has \u0000 or half a surrogate pair, which no text here can hold']
        when jsonb_typeof(o.d) <> 'object' then array['22023', 'it is no object']
        when o.d - c_keys <> '{}' then array[
          '22023',
          'unknown keys: ' || left((select string_agg(k.key, ', ') from jsonb_object_keys(o.d - c_keys) as k (key)), 200)
        ]
        when jsonb_typeof(o.d -> 'operation_type') <> 'string'
          then array['22023', 'operation_type must be a text of 1 to 100 characters']
        when o.d ->> 'priority' !~ '^[0-9]$' then array['22023', 'priority must be 0 to 9']
        when o.d ->> 'max_attempts' !~ '^[0-9]{1,9}$' then array['22023', 'max_attempts must be 1 to 100']
        when o.d ->> 'run_at' is not null and syncwell._as_time(o.d ->> 'run_at') is null
          then array['22023', 'run_at must be a time from 2000 to 2200, ISO 8601 with its offset']
        when jsonb_typeof(o.d -> 'depends_on') not in ('array', 'null')
          or exists (
            select from jsonb_array_elements(
              case jsonb_typeof(o.d -> 'depends_on') when 'array' then o.d -> 'depends_on' else '[]' end
            ) as b (id)
            where (b.id #>> '{}') !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
              or jsonb_typeof(b.id) <> 'string'
          )
          then array['22023', 'depends_on must name operations by their ids']
      end as fault,
      o.d
    from documents as o
  ),
  requests as materialized (
    select
      f.place,
      f.fault,
      case when f.fault is null then row(
        f.place,
        p_user_id,
        coalesce(f.d ->> 'source', g.source),
        f.d ->> 'operation_type',
        coalesce(nullif(f.d -> 'payload', 'null'), '{}'),
        f.d ->> 'dedup_key',
        coalesce(f.d ->> 'mode', 'ignore'),
        coalesce(f.d ->> 'priority', '5')::smallint,
        syncwell._as_time(f.d ->> 'run_at'),
        coalesce((f.d ->> 'max_attempts')::integer, g.max_attempts),
        f.d ->> 'ordering_key',
        array(
          select b.id::uuid from jsonb_array_elements_text(coalesce(nullif(f.d -> 'depends_on', 'null'), '[]')) as b (id)
        ),
        f.d ->> 'platform',
        syncwell._redact(p_org_id, p_user_id, f.d ->> 'device_id')
      )::syncwell.queue_request end as request,
      g.max_payload
    from fields as f
    left join defaults as g
      on g.key = case when v_varies then array[f.d ->> 'source', f.d ->> 'platform'] else array[null, null]::text[] end
  )
  select
    r.place,
    r.request,
    coalesce(
      r.fault,
      syncwell._operation_fault(r.request, r.max_payload),
      case when not syncwell._may_depend_on(p_org_id, p_user_id, (r.request).depends_on)
        then array['SW401', 'it depends on an operation that is not there']
      end
    )
  from requests as r
  order by r.place;
end
$$;
comment on function syncwell._queue_requests(uuid, uuid, json) is
'The operations of a batch for one user (NULL: the org''s own), checked and with their defaults; fault: SQLSTATE and '
'text of what is wrong with one, then it is not to be used. An operation depends on its user''s and the org''s '
'operations only; on those that were sent before it, so that none waits for itself.';
revoke all on function syncwell._queue_requests(uuid, uuid, json) from public;
