create or replace function syncwell._total_expired_attempts()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.metric_totals as t (org_id, metric, source, value)
  select r.org_id, 'sync_retry_attempts_total', r.source, sum(r.retries)
  from old_rows as r
  where r.retries > 0 and exists (select from syncwell.orgs as o where o.org_id = r.org_id)
  group by r.org_id, r.source
  order by r.org_id, r.source
  on conflict (org_id, metric, source, label) do update set value = t.value + excluded.value;
  return null;
end
$$;
comment on function syncwell._total_expired_attempts() is
'Trigger of source_attempts: adds the retries of minutes that go to metric_totals; those of the others are added when '
'they are read.';
revoke all on function syncwell._total_expired_attempts() from public;
