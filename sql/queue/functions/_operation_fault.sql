create or replace function syncwell._operation_fault(
  p_request syncwell.queue_request,
  p_max_payload integer
)
returns text[]
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when coalesce(length(p_request.operation_type), 0) not between 1 and 100
      then array['22023', 'operation_type must be a text of 1 to 100 characters']
    when octet_length(p_request.payload::text) > p_max_payload then array[
      'SW403',
      format('its payload has %s bytes; at most %s are taken', octet_length(p_request.payload::text), p_max_payload)
    ]
    when p_request.source !~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$'
      then array['22023', 'source must be a letter or digit, then up to 99 of A-Z a-z 0-9 _ . : / -']
    when length(p_request.dedup_key) not between 1 and 500
      then array['22023', 'dedup_key must have 1 to 500 characters']
    when p_request.dedup_mode is null or p_request.dedup_mode <> all (array['ignore', 'replace', 'merge', 'none'])
      then array['22023', 'mode must be ignore, replace, merge or none']
    when p_request.dedup_mode in ('replace', 'merge') and p_request.dedup_key is null
      then array['22023', 'modes replace and merge need a dedup_key']
    when p_request.dedup_mode = 'merge' and jsonb_typeof(p_request.payload) <> 'object'
      then array['22023', 'only objects can be merged']
    when p_request.priority is null or p_request.priority not between 0 and 9
      then array['22023', 'priority must be 0 to 9']
    when p_request.run_at not between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
      then array['22023', 'run_at must be a time from 2000 to 2200, ISO 8601 with its offset']
    when p_request.max_attempts not between 1 and 100 then array['22023', 'max_attempts must be 1 to 100']
    when length(p_request.ordering_key) not between 1 and 500
      then array['22023', 'ordering_key must have 1 to 500 characters']
    when p_request.platform <> all (array['android', 'ios', 'web', 'server', 'other'])
      then array['22023', 'platform must be android, ios, web, server or other']
    when length(p_request.device_id) > 255 then array['22023', 'device_id has more than 255 characters']
    when cardinality(p_request.depends_on) > 100 or array_position(p_request.depends_on, null) is not null
      then array['22023', 'depends_on must name at most 100 operations']
  end;
end
$$;
comment on function syncwell._operation_fault(syncwell.queue_request, integer) is
'What is wrong with an operation that somebody sends: SQLSTATE and text; NULL: nothing.';
revoke all on function syncwell._operation_fault(syncwell.queue_request, integer) from public;
