begin;
select plan(18);
do $$ begin perform set_config('syncwell.fake_now', '2026-11-21 12:00+00', true); end $$;
set local datestyle = 'SQL, DMY';
set local timezone = 'Asia/Tokyo';

select is(syncwell._parse_retry_after(v.given), v.wait::interval, coalesce(v.given, 'NULL'))
from (
  values
  ('120', '120 s'),
  (' 5 ', '5 s'),
  ('0', '0'),
  ('99999999999999999999', '1000000000 s'),
  ('Sat, 21 Nov 2026 12:01:30 GMT', '90 s'),
  ('Saturday, 21-Nov-26 12:01:30 GMT', '90 s'),
  ('Sat Nov 21 12:01:30 2026', '90 s'),
  ('Tue Dec  1 12:00:00 2026', '10 days'),
  ('Sun, 06 Nov 1994 08:49:37 GMT', '0'),
  ('Sunday, 06-Nov-94 08:49:37 GMT', '0'),
  (null, null),
  ('', null),
  ('-1', null),
  ('1.5', null),
  ('soon', null),
  ('Mon, 31 Feb 2027 12:00:00 GMT', null),
  ('Mon, 31 Foo 2027 12:00:00 GMT', null),
  (repeat('9', 65), null)
) as v (given, wait);

select * from finish();
rollback;
