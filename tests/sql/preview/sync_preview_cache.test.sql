begin;
select plan(29);
set local syncwell.fake_now = '2026-03-02 12:00+00';
do $$ begin
  perform syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'));
  insert into syncwell.sync_preview_cache (sync_type, sync_id, delta_json, cache_key)
  values ('odoo', 's1', '{"new": [{"id": 1}], "updated": [{"id": 2, "old_data": {}, "new_data": {}}], "deleted": [], "note": "kept"}', 'k1');
end $$;
select results_eq(
  $$select org_id, computed_by, computed_at, created_at, updated_at, expires_at - computed_at, new_count, updated_count, deleted_count, bytes,
      delta_json from syncwell.sync_preview_cache$$,
  $$select test.org('a'), test.id('a_member'), syncwell._now(), syncwell._now(), syncwell._now(), interval '1 hour', 1::bigint, 1::bigint, 0::bigint,
      octet_length(d::text)::bigint, d
    from (select '{"new": [{"id": 1}], "updated": [{"id": 2, "old_data": {}, "new_data": {}}], "deleted": [], "note": "kept",
      "statistics": {"new_count": 1, "updated_count": 1, "deleted_count": 0, "total_affected": 2}}'::jsonb as d) as x$$,
  'a plain insert gets what it leaves out'
);
select results_eq(
  $$select org_id, user_id, action::text, status::text, sync_id, record_count, duration_seconds from syncwell.sync_activity_log where action = 'preview_delta'$$,
  $$select test.org('a'), test.id('a_member'), 'preview_delta', 'completed', 's1', 2::bigint, null::numeric$$, 'and is logged'
);
select throws_ok(
  $$insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key) values ('odoo', '{"new": [], "updated": [], "deleted": []}', 'k1')$$,
  '23505', null, 'a key has one preview'
);
set local syncwell.fake_now = '2026-03-02 12:10+00';
do $$ begin
  insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key) values ('odoo', '{"new": [], "updated": [], "deleted": [{"id": 3}]}', 'k1')
  on conflict (org_id, cache_key) do update set delta_json = excluded.delta_json;
end $$;
select results_eq(
  $$select computed_at, created_at, updated_at, expires_at, new_count, updated_count, deleted_count from syncwell.sync_preview_cache$$,
  $$values (syncwell._now(), syncwell._now() - interval '10 min', syncwell._now(), syncwell._now() + interval '1 hour', 0::bigint, 0::bigint, 1::bigint)$$,
  'an update of the document is another computation'
);
do $$ begin update syncwell.sync_preview_cache set expires_at = expires_at + interval '1 hour' where cache_key = 'k1'; end $$;
select results_eq(
  $$select computed_at, expires_at - computed_at from syncwell.sync_preview_cache$$, $$values (syncwell._now(), interval '2 hours')$$, 'a longer life is none'
);
select is((select count(*) from syncwell.sync_activity_log where action = 'preview_delta'), 2::bigint, 'nor logged as one');
set local syncwell.fake_now = '2026-03-02 14:10+00';
select lives_ok(
  $$insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key, expires_at)
    values ('shopify', '{"new": [], "updated": [], "deleted": []}', 'k1', syncwell._now() + interval '2 min')$$,
  'one that has expired is not in the way'
);
select results_eq(
  $$select sync_type::text, expires_at - computed_at, deleted_count from syncwell.sync_preview_cache$$, $$values ('shopify', interval '2 min', 0::bigint)$$, 'and is gone'
);
select throws_ok(
  $$insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key, expires_at) values ('odoo', '{"new": [], "updated": [], "deleted": []}', 'k2', syncwell._now())$$,
  '23514', null, 'it expires after it was computed'
);
select throws_ok($$update syncwell.sync_preview_cache set expires_at = computed_at$$, '23514', null, 'always');
select throws_ok(
  $$insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key, expires_at) values ('odoo', '{"new": [], "updated": [], "deleted": []}', 'k2', 'infinity')$$,
  '22023', null, 'and within 30 days'
);
create function pg_temp.insert(p_delta jsonb, p_type text default 'custom') returns text language plpgsql as $$
declare v_detail text;
begin
  insert into syncwell.sync_preview_cache (sync_type, delta_json, cache_key) values (p_type, p_delta, gen_random_uuid()::text);
  return 'taken';
exception when others then
  get stacked diagnostics v_detail = pg_exception_detail;
  return sqlstate || ' ' || v_detail;
end $$;
select is(pg_temp.insert('[]'), 'SW705 It is no object.', 'no preview: an array');
select is(pg_temp.insert('null'), 'SW705 It is no object.', 'null');
select is(pg_temp.insert('{"new": [], "updated": []}'), 'SW705 Its list deleted is missing or no array.', 'without a list');
select is(pg_temp.insert('{"new": {}, "updated": [], "deleted": []}'), 'SW705 Its list new is missing or no array.', 'with something else for a list');
select is(pg_temp.insert('{"new": [1], "updated": [], "deleted": []}'), 'SW705 In its list new is something else than objects.', 'with something else in a list');
select is(
  pg_temp.insert('{"new": [], "updated": [{"id": 1, "old_data": {}}], "deleted": []}'),
  'SW705 In its list updated is something else than objects {id, old_data, new_data}.', 'with half an update'
);
select is(
  pg_temp.insert('{"new": [], "updated": [["id", "old_data", "new_data"]], "deleted": []}'),
  'SW705 In its list updated is something else than objects {id, old_data, new_data}.', 'with names in place of an update'
);
select is(
  pg_temp.insert('{"new": [{}], "updated": [], "deleted": [], "statistics": {"new_count": 2}}'), 'SW705 Its statistics are not those of its lists.',
  'with statistics that contradict it'
);
select is(
  pg_temp.insert('{"new": [{}], "updated": [], "deleted": [], "statistics": {"total_affected": 0}}'), 'SW705 Its statistics are not those of its lists.', 'in the sum'
);
select is(pg_temp.insert('{"new": [], "updated": [], "deleted": [], "statistics": 5}'), 'SW705 Its statistics are no object.', 'or are none');
select is(pg_temp.insert('{"new": [], "updated": [], "deleted": [], "statistics": {"new_count": 0.0, "unchanged_count": 9}}'), 'taken', 'what else they say is theirs');
select alike(pg_temp.insert('{"new": [], "updated": [], "deleted": []}', 'magento'), 'SW706 ''magento'' is neither built in %', 'an unknown type');
do $$ begin
  perform syncwell.set_setting('preview.sync_types', ' magento , prestashop', p_org_id => test.org('a'));
  perform syncwell.set_setting('preview.max_bytes', '1024', 'magento');
  perform syncwell.set_setting('preview.ttl', '5 min', 'prestashop');
end $$;
select is(pg_temp.insert('{"new": [], "updated": [], "deleted": []}', 'prestashop'), 'taken', 'that the org adds');
select is((select expires_at - computed_at from syncwell.sync_preview_cache where sync_type = 'prestashop'), interval '5 min', 'lives as its setting says');
select alike(
  pg_temp.insert(jsonb_build_object('new', jsonb_build_array(jsonb_build_object('x', repeat('x', 1000))), 'updated', '[]'::jsonb, 'deleted', '[]'::jsonb), 'magento'),
  'SW703 It has % bytes; setting preview.max_bytes is 1024.', 'what is too large'
);
select is(pg_temp.insert('{"new": [], "updated": [], "deleted": []}', 'magento'), 'taken', 'is not the rest');
select is(pg_temp.insert('{"new": [], "updated": [], "deleted": []}', null), '22004 It is NULL.', 'a type is needed');
do $$ begin
  perform syncwell.set_setting('preview.sync_types', null, p_org_id => test.org('a'));
  update syncwell.sync_preview_cache set sync_id = 'later' where sync_type = 'prestashop';
end $$;
select is((select sync_id from syncwell.sync_preview_cache where sync_type = 'prestashop'), 'later', 'a type that was taken away stays where it is');
select * from finish();
rollback;
