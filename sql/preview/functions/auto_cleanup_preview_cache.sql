create or replace function syncwell.auto_cleanup_preview_cache(
  out deleted_count bigint,
  out error_message text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  c_batch constant integer := 1000;
  v_now constant timestamptz := syncwell._now();
  v_from timestamptz := timestamptz '-infinity';
  v_count bigint;
begin
  deleted_count := 0;
  loop
    -- each batch by itself, so that what went before stays when one fails
    begin
      with gone as (
        delete from syncwell.sync_preview_cache as c
        using (
          select d.org_id, d.id
          from syncwell.sync_preview_cache as d
          -- from where the last batch ended: until this commits the index still has what that one removed
          where d.expires_at between v_from and v_now
          order by d.expires_at
          limit c_batch
          for update skip locked
        ) as d
        where c.org_id = d.org_id and c.id = d.id
        returning c.expires_at
      )
      select count(*), coalesce(max(g.expires_at), v_now) into v_count, v_from from gone as g;
    exception
      when others then
        error_message := sqlstate || ': ' || sqlerrm;
        return;
    end;
    deleted_count := deleted_count + v_count;
    exit when v_count < c_batch;
  end loop;
  begin
    -- a lease that ran out is of use until another one claims the preview
    delete from syncwell.preview_claims as c
    using (
      select d.org_id, d.cache_key
      from syncwell.preview_claims as d
      where d.lease_until <= v_now - interval '1 hour'
      for update skip locked
    ) as d
    where c.org_id = d.org_id and c.cache_key = d.cache_key;
  exception
    when others then
      error_message := sqlstate || ': ' || sqlerrm;
  end;
end
$$;
comment on function syncwell.auto_cleanup_preview_cache() is
'Removes the expired previews of all orgs, 1000 at a time, and leases that ran out an hour ago; rows that somebody '
'else holds wait for the next call. deleted_count: how many previews; error_message: NULL, or SQLSTATE and text of '
'what ended it early, when what was removed before stays removed. Raises nothing but 57014 when it is cancelled. '
'Maintenance calls it every 15 minutes.';
revoke all on function syncwell.auto_cleanup_preview_cache() from public;
grant execute on function syncwell.auto_cleanup_preview_cache() to syncwell_operator;
