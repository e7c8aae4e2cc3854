create or replace function syncwell._tell_issue_states()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform syncwell._announce_health(o.org_id)
  from (select distinct c.org_id from changed_issues as c) as o;
  return null;
end
$$;
comment on function syncwell._tell_issue_states() is
'Trigger: issues came, changed or went, whoever did it; whoever listens on syncwell_health reads what is new. Definer, '
'because it reads a setting.';
revoke all on function syncwell._tell_issue_states() from public;
