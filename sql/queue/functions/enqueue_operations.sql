create or replace function syncwell.enqueue_operations(
  p_operations json,
  p_user_id uuid default null
)
returns table (
  place integer,
  operation_id uuid,
  deduplicated boolean,
  error_code text,
  error text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := (syncwell._caller()).org_id;
  v_user_id constant uuid := syncwell._target_user(p_user_id);
  v_requests syncwell.queue_request[];
  v_places integer[];
  v_faults jsonb;
begin
  if p_operations is null or json_typeof(p_operations) <> 'array' or json_array_length(p_operations) > 10000 then
    raise exception using
      errcode = case when p_operations is null then '22004' else '22023' end,
      message = 'these are no operations',
      detail = case
        when p_operations is null then 'p_operations is NULL.'
        when json_typeof(p_operations) <> 'array' then 'p_operations is no JSON array.'
        else format('p_operations has %s elements.', json_array_length(p_operations))
      end,
      hint = 'Pass a JSON array of at most 10000 objects.';
  end if;
  select
    array_agg(r.request order by r.place) filter (where r.fault is null),
    array_agg(r.place order by r.place) filter (where r.fault is not null),
    jsonb_agg(r.fault order by r.place) filter (where r.fault is not null)
  into v_requests, v_places, v_faults
  from syncwell._queue_requests(v_org_id, v_user_id, p_operations) as r;
  return query
  select e.place, e.operation_id, e.deduplicated, null::text, null::text
  from syncwell._enqueue(v_org_id, v_requests) as e
  union all
  select p.place, null, null, f.fault ->> 0, f.fault ->> 1
  from unnest(v_places) with ordinality as p (place, at)
  join jsonb_array_elements(v_faults) with ordinality as f (fault, at) using (at)
  order by 1;
end
$$;
comment on function syncwell.enqueue_operations(json, uuid) is
'enqueue_operation() for a batch: p_operations is an array of at most 10000 objects with the keys operation_type '
'(needed), payload, source, dedup_key, mode, priority, run_at (ISO 8601 with offset), max_attempts, ordering_key, '
'depends_on, platform, device_id; all for the user p_user_id. Returns a row an element, in their order: place (from '
'0), operation_id and deduplicated, or error_code and error of one that was not taken; the others are. Twins within '
'the batch are one operation. Errors: SW001, SW002, 22004, 22023 (no array, too long), 40001; in rows: SW401, SW403, '
'22023, 22P05.';
revoke all on function syncwell.enqueue_operations(json, uuid) from public;
grant execute on function syncwell.enqueue_operations(json, uuid) to syncwell_client, syncwell_worker;
