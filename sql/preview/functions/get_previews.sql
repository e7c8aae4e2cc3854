create or replace function syncwell.get_previews(
  p_sync_type text default null,
  p_sync_id text default null,
  p_expired boolean default false,
  p_limit integer default 50
)
returns table (
  preview_id uuid,
  cache_key text,
  sync_type text,
  sync_id text,
  new_count bigint,
  updated_count bigint,
  deleted_count bigint,
  total_affected bigint,
  bytes bigint,
  computed_at timestamptz,
  expires_at timestamptz,
  seconds_left numeric,
  computed_by uuid
)
language plpgsql stable security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := syncwell._now();
  v_caller record;
begin
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  return query
  select
    c.id, c.cache_key, c.sync_type::text, c.sync_id, c.new_count, c.updated_count, c.deleted_count,
    c.new_count + c.updated_count + c.deleted_count, c.bytes, c.computed_at, c.expires_at,
    round(extract(epoch from c.expires_at - v_now), 3), c.computed_by
  from syncwell.sync_preview_cache as c
  where c.org_id = v_caller.org_id
    and (p_sync_type is null or c.sync_type = p_sync_type)
    and (p_sync_id is null or c.sync_id = p_sync_id)
    and (p_expired is null or (c.expires_at <= v_now) = p_expired)
  order by c.computed_at desc, c.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_previews(text, text, boolean, integer) is
'The org''s previews without their documents, newest first, p_limit (1 to 1000) of them: of p_sync_type and p_sync_id '
'(NULL: all); p_expired false (default): those that are valid, true: those that wait for the clean-up, NULL: both. '
'total_affected: new_count + updated_count + deleted_count; bytes: of the document as text; seconds_left: until it '
'expires, negative: since when it has. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.get_previews(text, text, boolean, integer) from public;
grant execute on function syncwell.get_previews(text, text, boolean, integer)
to syncwell_client, syncwell_reader, syncwell_worker;
