create or replace function syncwell._tell_new_issues()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_ids uuid[];
  v_issue_ids uuid[];
  v_news text[];
begin
  select array_agg(n.org_id), array_agg(n.id), array_agg(coalesce(n.muted_by, 'firing'))
  into v_org_ids, v_issue_ids, v_news
  from new_issues as n
  where n.state = 'open' and coalesce(n.muted_by, 'flapping') = 'flapping';
  if v_issue_ids is not null then
    perform syncwell._tell_issues(v_org_ids, v_issue_ids, v_news);
  end if;
  return null;
end
$$;
comment on function syncwell._tell_new_issues() is
'Trigger: issues were opened, by whomever. Somebody is to be told of those that nothing keeps quiet, and once of what '
'flaps. Definer, because nobody else writes the outbox.';
revoke all on function syncwell._tell_new_issues() from public;
