begin;
select plan(36);
select is(
  syncwell.compute_preview_delta(
    '[{"id": 1, "name": "same"}, {"id": 2, "name": "old"}, {"id": 3, "name": "gone"}]',
    '[{"id": 4, "name": "new"}, {"id": 2, "name": "changed"}, {"id": 1, "name": "same"}]'
  ),
  '{"new": [{"id": 4, "name": "new"}],
    "updated": [{"id": 2, "old_data": {"id": 2, "name": "old"}, "new_data": {"id": 2, "name": "changed"}}],
    "deleted": [{"id": 3, "name": "gone"}],
    "statistics": {"new_count": 1, "updated_count": 1, "deleted_count": 1, "total_affected": 3, "unchanged_count": 1}}'::jsonb,
  'what is new, changed and gone'
);
create function pg_temp.counts(p_current jsonb, p_incoming jsonb, p_key text default 'id') returns text language sql as $$
  select concat_ws(' ', s ->> 'new_count', s ->> 'updated_count', s ->> 'deleted_count', s ->> 'total_affected', s ->> 'unchanged_count')
  from (select syncwell.compute_preview_delta(p_current, p_incoming, p_key) -> 'statistics' as s) as d
$$;
create function pg_temp.refusal(p_current jsonb, p_incoming jsonb, p_key text default 'id') returns text language plpgsql as $$
declare v_detail text;
begin
  return syncwell.compute_preview_delta(p_current, p_incoming, p_key)::text;
exception when others then
  get stacked diagnostics v_detail = pg_exception_detail;
  return sqlstate || ' ' || v_detail;
end $$;
select is(pg_temp.counts('[]', '[]'), '0 0 0 0 0', 'nothing');
select is(pg_temp.counts('[]', '[{"id": 1}, {"id": 2}]'), '2 0 0 2 0', 'all new');
select is(pg_temp.counts('[{"id": 1}, {"id": 2}]', '[]'), '0 0 2 2 0', 'all gone');
select is(pg_temp.counts('[{"id": 1}, {"id": 2}]', '[{"id": 2}, {"id": 1}]'), '0 0 0 0 2', 'another order of records is no change');
select is(
  pg_temp.counts('[{"id": "a", "x": {"p": [1, {"q": 2.50}], "r": null}}]', '[{"x": {"r": null, "p": [1.0, {"q": 2.5}]}, "id": "a"}]'),
  '0 0 0 0 1', 'nor is one of members, also of nested ones, or another way to write a number'
);
select is(pg_temp.counts('[{"id": "a", "x": [1, 2]}]', '[{"id": "a", "x": [2, 1]}]'), '0 1 0 1 0', 'one of an array is');
select is(pg_temp.counts('[{"id": "a", "x": null}]', '[{"id": "a"}]'), '0 1 0 1 0', 'and a missing member is not null');
select is(pg_temp.counts('[{"id": "a", "x": 1}]', '[{"id": "a", "x": "1"}]'), '0 1 0 1 0', 'nor is 1 "1"');
select is(
  syncwell.compute_preview_delta('[{"id": 7}, {"id": "8.0"}]', '[{"id": "7"}, {"id": 8.0}]') #> '{statistics}',
  '{"new_count": 1, "updated_count": 1, "deleted_count": 1, "total_affected": 3, "unchanged_count": 0}'::jsonb,
  'but a key is: the record stays the same one, and its change of type is shown; a text is no number'
);
select is(
  syncwell.compute_preview_delta('[{"id": 7}]', '[{"id": "7"}]') -> 'updated',
  '[{"id": "7", "old_data": {"id": 7}, "new_data": {"id": "7"}}]'::jsonb, 'with the incoming id'
);
select is(pg_temp.counts('[{"id": 1.50}, {"id": 100}]', '[{"id": 1.5}, {"id": 1e2}]'), '0 0 0 0 2', 'numbers are keys however they are written');
select is(pg_temp.counts('[{"id": ""}, {"id": " "}]', '[{"id": ""}]'), '0 0 1 1 1', 'an empty text is a key like others');
select is(pg_temp.counts('[{"sku": "A", "id": 1}]', '[{"sku": "A", "id": 2}]', 'sku'), '0 1 0 1 0', 'by another member');
select is(pg_temp.counts('[{"": 1}]', '[{"": 1}]', ''), '0 0 0 0 1', 'whatever its name');
select is(
  syncwell.compute_preview_delta(
    (select jsonb_agg(jsonb_build_object('id', n)) from generate_series(1, 40) as n),
    (select jsonb_agg(jsonb_build_object('id', n, 'x', n % 2) order by n desc) from generate_series(21, 60) as n)
  ) - 'statistics',
  jsonb_build_object(
    'new', (select jsonb_agg(jsonb_build_object('id', n, 'x', n % 2) order by n desc) from generate_series(41, 60) as n),
    'updated', (
      select jsonb_agg(jsonb_build_object('id', n, 'old_data', jsonb_build_object('id', n), 'new_data', jsonb_build_object('id', n, 'x', n % 2)) order by n desc)
      from generate_series(21, 40) as n
    ),
    'deleted', (select jsonb_agg(jsonb_build_object('id', n) order by n) from generate_series(1, 20) as n)
  ),
  'lists are in the order in which the records came'
);
select is(pg_temp.refusal(null, '[]'), '22004 p_current is NULL.', 'NULL is not taken for nothing, which would delete all');
select is(pg_temp.refusal('[]', null), '22004 p_incoming is NULL.', 'on neither side');
select is(pg_temp.refusal('[]', '[]', null), '22004 p_key is NULL.', 'nor for a key');
select is(pg_temp.refusal('{}', '[]'), 'SW701 p_current is of type object.', 'an object is no set');
select is(pg_temp.refusal('[]', 'null'), 'SW701 p_incoming is of type null.', 'null is none');
select is(pg_temp.refusal('"x"', '[]'), 'SW701 p_current is of type string.', 'nor is a text');
select is(pg_temp.refusal('[]', '[{"id": 1}, 5]'), 'SW701 In p_incoming, record 1 (from 0) is no object, or its key is no text or number.', 'a number is no record');
select is(pg_temp.refusal('[[{"id": 1}]]', '[]'), 'SW701 In p_current, record 0 (from 0) is no object, or its key is no text or number.', 'an array is none');
select is(pg_temp.refusal('["id"]', '[]'), 'SW701 In p_current, record 0 (from 0) is no object, or its key is no text or number.', 'a text is none');
select is(pg_temp.refusal('[]', '[{"id": 1}, {"ID": 2}]'), 'SW701 In p_incoming, record 1 (from 0) is no object, or its key is no text or number.', 'a record needs its key');
select is(left(pg_temp.refusal('[]', '[{"id": null}]'), 5), 'SW701', 'which null is not');
select is(left(pg_temp.refusal('[]', '[{"id": true}]'), 5), 'SW701', 'nor true');
select is(left(pg_temp.refusal('[]', '[{"id": {"a": 1}}]'), 5), 'SW701', 'nor an object');
select is(left(pg_temp.refusal('[]', '[{"id": [1]}]'), 5), 'SW701', 'nor an array');
select is(pg_temp.refusal('[{"id": 5}, {"id": 1}, {"id": 2}, {"id": 1}]', '[]'), 'SW702 In p_current, records 1 and 3 (from 0).', 'a key comes once');
select is(pg_temp.refusal('[]', '[{"id": 1}, {"id": "1"}]'), 'SW702 In p_incoming, records 0 and 1 (from 0).', 'as a number or as a text');
select is(pg_temp.refusal('[]', '[{"id": 1, "x": 1}, {"id": 1.0, "x": 1}]'), 'SW702 In p_incoming, records 0 and 1 (from 0).', 'also the same record twice');
select is(
  pg_temp.refusal('[]', (select jsonb_agg('{"id": 1}'::jsonb) from generate_series(1, 3000))), 'SW702 In p_incoming, records 0 and 2999 (from 0).',
  'many of one key are refused before they are compared'
);
select is(
  pg_temp.refusal('[{"id": 1}]', '[{"id": 2}, {"x": 0}, {"id": 2}]'), 'SW702 In p_incoming, records 0 and 2 (from 0).', 'what is wrong first is told'
);
select unalike(pg_temp.refusal('[]', '[{"id": "secret"}, {"id": "secret"}]'), '%secret%', 'and the records are not');
select * from finish();
rollback;
