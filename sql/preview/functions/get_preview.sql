create or replace function syncwell.get_preview(
  p_cache_key text default null,
  p_preview_id uuid default null
)
returns table (
  preview_id uuid,
  cache_key text,
  sync_type text,
  sync_id text,
  delta jsonb,
  computed_at timestamptz,
  expires_at timestamptz,
  computed_by uuid
)
language plpgsql stable security definer rows 1
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
begin
  if p_cache_key is null and p_preview_id is null then
    raise exception using
      errcode = '22004',
      message = 'which preview is meant is not told',
      detail = 'p_cache_key and p_preview_id are NULL.',
      hint = 'Pass the cache_key or the preview_id that a preview was given back with.';
  end if;
  -- an index each: one statement for both would read all of the org's previews
  if p_cache_key is not null then
    return query
    select c.id, c.cache_key, c.sync_type::text, c.sync_id, c.delta_json, c.computed_at, c.expires_at, c.computed_by
    from syncwell.sync_preview_cache as c
    where c.org_id = v_caller.org_id and c.cache_key = p_cache_key and (p_preview_id is null or c.id = p_preview_id)
      and c.expires_at > syncwell._now();
  else
    return query
    select c.id, c.cache_key, c.sync_type::text, c.sync_id, c.delta_json, c.computed_at, c.expires_at, c.computed_by
    from syncwell.sync_preview_cache as c
    where c.org_id = v_caller.org_id and c.id = p_preview_id and c.expires_at > syncwell._now();
  end if;
end
$$;
comment on function syncwell.get_preview(text, uuid) is
'The preview of the cache key p_cache_key, or with the id p_preview_id, of the caller''s org (both: of both); no row '
'when there is none, it has expired, or is another org''s. delta: {new, updated [{id, old_data, new_data}], deleted, '
'statistics}; computed_by: NULL for a service. Errors: SW001, 22004 neither key nor id.';
revoke all on function syncwell.get_preview(text, uuid) from public;
grant execute on function syncwell.get_preview(text, uuid) to syncwell_client, syncwell_reader, syncwell_worker;
