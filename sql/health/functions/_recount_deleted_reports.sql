create or replace function syncwell._recount_deleted_reports()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._recount_queue(s.org_id, s.stream_id)
  from (
    select distinct o.org_id, o.stream_id
    from old_rows as o
    -- of a stream that goes too, nothing is left to count for
    where exists (
      select from syncwell.stream_states as t where t.org_id = o.org_id and t.stream_id = o.stream_id
    )
    order by o.org_id, o.stream_id
  ) as s;
  return null;
end
$$;
comment on function syncwell._recount_deleted_reports() is
'Trigger: a stream whose devices'' reports were deleted has what the remaining ones tell.';
revoke all on function syncwell._recount_deleted_reports() from public;
