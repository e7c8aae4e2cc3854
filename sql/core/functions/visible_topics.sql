create or replace function syncwell.visible_topics()
returns table (topic text)
language plpgsql stable security definer rows 6 parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
begin
  return query
  select t.topic
  from (
    values
    ('progress:' || v_caller.org_id, true),
    ('health:' || v_caller.org_id, v_caller.sees_org),
    ('health:' || v_caller.user_id, not v_caller.sees_org),
    ('health_common:' || v_caller.org_id, not v_caller.sees_org),
    ('sessions:' || v_caller.org_id, v_caller.sees_org),
    ('sessions:' || v_caller.user_id, not v_caller.sees_org),
    ('changes:' || v_caller.user_id, v_caller.user_id is not null),
    ('changes:' || v_caller.org_id, v_caller.user_id is not null)
  ) as t (topic, is_visible)
  where t.is_visible
  order by t.topic;
end
$$;
comment on function syncwell.visible_topics() is
'What the caller may be told of as it happens, as row-level security would show it: progress:<org>; health:<org>, its '
'streams and issues, or for members health:<user>, their own, and health_common:<org>, those of the org''s own '
'streams; sessions:<org> or sessions:<user>; for users changes:<user> and changes:<org>, where there may be something '
'to pull. Whoever routes notifications asks once for each listener. Errors: SW001.';
revoke all on function syncwell.visible_topics() from public;
grant execute on function syncwell.visible_topics() to syncwell_client, syncwell_reader, syncwell_worker;
