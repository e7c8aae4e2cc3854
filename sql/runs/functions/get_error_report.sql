create or replace function syncwell.get_error_report(
  p_source text default null,
  p_include_resolved boolean default false,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  error_id uuid,
  error_type text,
  error_class text,
  error_code text,
  http_status integer,
  error_message text,
  source text,
  user_id uuid,
  streams bigint,
  occurrences bigint,
  retry_count integer,
  first_seen timestamptz,
  last_seen timestamptz,
  age interval,
  lane text,
  reason text,
  next_retry_at timestamptz,
  next_retry_in interval,
  resolved_at timestamptz,
  total_errors bigint,
  unresolved_errors bigint,
  errors_of_type bigint
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._note_access('get_error_report', p_user_id);
  perform syncwell._check_limit(p_limit);
  -- without errors the plan never asks who is calling
  perform syncwell._caller();
  return query
  with errors as materialized (
    select
      e.org_id, e.id, e.stream_id, e.user_id, e.source, e.fingerprint, e.error_type, e.error_class, e.retry_count,
      e.next_retry_at, e.resolved_at, e.first_seen, e.last_seen, e.occurrences, e.resolved_at is not null as is_resolved
    from syncwell._visible_streams(p_source, p_user_id) as s
    inner join syncwell.sync_errors as e on e.org_id = s.org_id and e.stream_id = s.stream_id
  ),
  counts as (
    select
      e.error_type,
      count(*) as errors_of_type,
      (sum(count(*)) over ())::bigint as total_errors,
      (sum(count(*) filter (where not e.is_resolved)) over ())::bigint as unresolved_errors
    from errors as e
    group by e.error_type
  ),
  kinds as (
    select
      e.org_id, e.source, e.error_type, e.error_class, e.is_resolved,
      (array_agg(e.id order by e.last_seen desc, e.id))[1] as id,
      case
        when count(*) = count(e.user_id) and count(distinct e.user_id) = 1 then min(e.user_id::text)::uuid
      end as user_id,
      count(distinct e.stream_id) as streams,
      sum(e.occurrences)::bigint as occurrences,
      max(e.retry_count) as retry_count,
      min(e.first_seen) as first_seen,
      max(e.last_seen) as last_seen,
      min(e.next_retry_at) as next_retry_at,
      max(e.resolved_at) as resolved_at
    from errors as e
    where p_include_resolved or not e.is_resolved
    group by e.org_id, e.source, e.fingerprint, e.error_type, e.error_class, e.is_resolved
    order by e.is_resolved, max(e.last_seen) desc, (array_agg(e.id order by e.last_seen desc, e.id))[1]
    limit p_limit
  )
  select
    k.id, k.error_type, k.error_class, n.error_code, n.http_status,
    syncwell._redact(n.org_id, n.user_id, n.error_message),
    k.source, k.user_id, k.streams, k.occurrences, k.retry_count, k.first_seen, k.last_seen, v_now - k.first_seen,
    n.lane, n.reason, k.next_retry_at,
    case when k.next_retry_at is not null then greatest(k.next_retry_at - v_now, interval '0') end,
    k.resolved_at,
    c.total_errors, c.unresolved_errors, c.errors_of_type
  from kinds as k
  inner join syncwell.sync_errors as n on n.org_id = k.org_id and n.id = k.id
  inner join counts as c on c.error_type = k.error_type
  order by k.is_resolved, k.last_seen desc, k.id;
end
$$;
comment on function syncwell.get_error_report(text, boolean, integer, uuid) is
'The errors of p_source (NULL: all) and p_user_id (NULL: everything the caller may see), one row a kind: the same '
'source and fingerprint over all streams, open ones first, last seen first, p_limit (1 to 1000) of them; resolved '
'ones only with p_include_resolved. error_id, error_code, http_status, error_message, lane, reason: of the stream '
'that saw it last; user_id: NULL when several or none; streams: how many have it; occurrences: of all; retry_count: '
'the highest; age: since first_seen; next_retry_at, next_retry_in: the earliest (0 = due). total_errors, '
'unresolved_errors, errors_of_type: errors of single streams in what was asked for, resolved ones included, whatever '
'the limit. Message with consent only. Asking about another user is written to the access log. Errors: SW001, SW002, '
'25006 (another user, in a read-only transaction), 22004, 22023.';
revoke all on function syncwell.get_error_report(text, boolean, integer, uuid) from public;
grant execute on function syncwell.get_error_report(text, boolean, integer, uuid) to syncwell_reader;
