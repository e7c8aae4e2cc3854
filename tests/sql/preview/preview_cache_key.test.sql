begin;
select plan(9);
select is(
  syncwell.preview_cache_key('{"a": 1.0, "bb": [1.50, -0.0, {"y": "1.0", "x": null}]}'),
  syncwell.preview_cache_key('{"bb": [1.5, 0, {"x": null, "y": "1.0"}], "a": 1.000}'),
  'the same in any order of keys, however numbers are written'
);
select is(syncwell.preview_cache_key('1e3'), syncwell.preview_cache_key('1000.00'), 'and with exponents');
select is(syncwell.preview_cache_key('{"a": 1, "a": 2}'), syncwell.preview_cache_key('{"a": 2}'), 'the last of a key counts');
select is(
  syncwell.preview_cache_key('{"b": "\\\" 1.0", "a": [10.05, 100]}'),
  encode(sha256(convert_to('{"a": [10.05, 100], "b": "\\\" 1.0"}', 'UTF8')), 'hex'),
  'it is the SHA-256 of the canonical form; zeros elsewhere, and in strings, stay'
);
select is(
  (select count(distinct syncwell.preview_cache_key(p.value))
   from jsonb_array_elements(
     '[1, "1", "1.0", "1.00", 10, 1.05, 1.5, 0, null, "null", true, "", {}, [], [[]], [1, 2], [2, 1], {"a": 1}, {"a": "1"},
       {"b": 1}, {"a": null}, [null], "a\"b 1.0", "a\"b 1", "\\ 1.0", "\\ 1"]'
   ) as p (value)),
  26::bigint, 'different ones for what is different'
);
select is(syncwell.preview_cache_key(null), null, 'NULL is no JSON');
select isnt(syncwell.preview_cache_key('null'), null, 'null is');
select matches(syncwell.preview_cache_key('{}'), '^[0-9a-f]{64}$', '64 digits');
select is(
  (select provolatile::text || proparallel::text from pg_proc where oid = 'syncwell.preview_cache_key(jsonb)'::regprocedure), 'is',
  'immutable: it may be indexed'
);
select * from finish();
rollback;
