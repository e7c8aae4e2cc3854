create or replace function syncwell._begin_pull()
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._syncing_user();
  perform syncwell._incarnation();
end
$$;
comment on function syncwell._begin_pull() is
'Finds out for this session in which cluster the database lives. Errors: SW001 when nobody is calling, 42501 when it '
'is no user.';
revoke all on function syncwell._begin_pull() from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._begin_pull() to syncwell_client;
