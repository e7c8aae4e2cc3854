begin;
select plan(12);

select is(
  syncwell._error_fingerprint('transient', 'X', 503, a), syncwell._error_fingerprint('transient', 'X', 503, b),
  format('%s = %s', a, b)
) from (
  values
  ('user 17 is gone', 'user 4 is gone'),
  ('no file "a.txt"', 'no file "b c.txt"'),
  ('no file ''a''', 'no file ''b'''),
  ('id 3a45459c-6b17-f6d5-fc3d-8a742b405ef2 gone', 'id 00000000-6b17-f6d5-fc3d-8a742b405ef2 gone'),
  ('at 0xDEADBEEF', 'at 0x1f'),
  ('commit 9fceb02d0ae598e95', 'commit 3a45459c6b17f6'),
  ('Two   words', 'two words')
) as v (a, b);
select isnt(
  syncwell._error_fingerprint('transient', 'X', 503, 'a'), syncwell._error_fingerprint(class, code, http, message), what
) from (
  values
  ('unknown', 'X', 503, 'a', 'another class'),
  ('transient', 'Y', 503, 'a', 'another code'),
  ('transient', 'X', 502, 'a', 'another status'),
  ('transient', 'X', 503, 'b', 'another message'),
  ('transient', null, 503, 'a', 'no code')
) as v (class, code, http, message, what);

select * from finish();
rollback;
