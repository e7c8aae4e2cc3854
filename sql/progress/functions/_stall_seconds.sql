create or replace function syncwell._stall_seconds(
  p_org_id uuid,
  p_source text
)
returns double precision
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return extract(epoch from syncwell._setting(p_org_id, 'progress.stall_timeout', p_source)::interval);
end
$$;
comment on function syncwell._stall_seconds(uuid, text) is 'Setting progress.stall_timeout in seconds.';
revoke all on function syncwell._stall_seconds(uuid, text) from public;
