--! act_as
-- a gateway, at the beginning of each transaction
select syncwell.act_as('0d9a2b7c-51f6-4c0e-8a5d-3f1f6f0c9e01');

--! act_as_org
-- a gateway, for work that is no user's
select syncwell.act_as_org('5f0c1f4e-7c1d-4c57-9a53-6a1b5e0f7a11');

--! bind_login
select syncwell.bind_login('todoist_worker', 'service', p_org_id => '5f0c1f4e-7c1d-4c57-9a53-6a1b5e0f7a11');

--! current_org_id
-- for policies of your own: using (org_id = syncwell.current_org_id())
select syncwell.current_org_id();

--! current_user_id
select syncwell.current_user_id();

--! drop_old_partitions
select table_name, partition_name from syncwell.drop_old_partitions();

--! ensure_partitions
select table_name, partition_name, moved_rows from syncwell.ensure_partitions(p_months_ahead => 6);

--! explain_access
select visible, policy, reason from syncwell.explain_access('streams', '00000000-0000-0000-0000-000000000000');

--! feature_enabled
select syncwell.feature_enabled('new_dashboard');

--! get_access_log
-- who looked at Ben?
select accessed_at, login_role, function_name
from syncwell.get_access_log('7b1e5d3a-9c44-4f0b-9d62-2a8e4c7f1b02');

--! get_feature_flags
select flag, is_on, rollout_percent from syncwell.get_feature_flags();

--! get_setting
select syncwell.get_setting('runs.max_runtime', p_source => 'todoist')::interval;

--! grant_consent
select syncwell.grant_consent('detailed_monitoring');

--! has_consent
select syncwell.has_consent('7b1e5d3a-9c44-4f0b-9d62-2a8e4c7f1b02', 'detailed_monitoring');

--! partition_health
select partition_name, estimated_rows, pg_size_pretty(total_bytes) as size, finding
from syncwell.partition_health('sync_events');

--! register_org
select syncwell.register_org('Globex', p_time_zone => 'America/New_York');

--! register_user
select syncwell.register_user(
  '5f0c1f4e-7c1d-4c57-9a53-6a1b5e0f7a11', p_role => 'analyst', p_display_name => 'Cleo'
);

--! revoke_consent
select syncwell.revoke_consent('detailed_monitoring');

--! set_feature_flag
-- on for a quarter of all orgs
select syncwell.set_feature_flag('new_dashboard', true, p_rollout_percent => 25);

--! set_setting
-- only runs of todoist may take two hours
select syncwell.set_setting('runs.max_runtime', '2 hours', p_source => 'todoist');

--! settings_effective
select key, value, level, unit
from syncwell.settings_effective('todoist')
where level <> 'default';

--! unbind_login
select syncwell.unbind_login('a_service');

--! visible_topics
select topic from syncwell.visible_topics();

--! who_am_i
select login_role, kind, org_id, user_id, role, rule from syncwell.who_am_i();
