create or replace function syncwell._tell_changed_issues()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_ids uuid[];
  v_issue_ids uuid[];
  v_news text[];
begin
  select array_agg(c.org_id), array_agg(c.id), array_agg(c.news)
  into v_org_ids, v_issue_ids, v_news
  from (
    select
      n.org_id,
      n.id,
      case
        when n.state = 'resolved' and o.state <> 'resolved' then 'resolved'
        when n.state <> 'open' then null
        when n.muted_by = 'flapping' and (o.state <> 'open' or o.muted_by is distinct from 'flapping')
          then 'flapping'
        when n.muted_by is null and (
          o.state <> 'open'
          or o.muted_by is not null
          or array_position('{info,warning,critical}', n.severity)
          > array_position('{info,warning,critical}', o.severity)
        )
          then 'firing'
      end as news
    from new_issues as n
    join old_issues as o on o.org_id = n.org_id and o.id = n.id
  ) as c
  where c.news is not null;
  if v_issue_ids is not null then
    perform syncwell._tell_issues(v_org_ids, v_issue_ids, v_news);
  end if;
  return null;
end
$$;
comment on function syncwell._tell_changed_issues() is
'Trigger: issues were changed, by whomever. Somebody is to be told of what is open and nothing keeps quiet any more, '
'of what got worse, once of what flaps, and of what is resolved. Definer, because nobody else writes the outbox.';
revoke all on function syncwell._tell_changed_issues() from public;
