begin;
select plan(15);

select lives_ok(format('select syncwell._check_active_hours(%L)', v), 'fine: ' || coalesce(v, 'NULL'))
from unnest(array[
  'Mon-Fri 08:00-18:00', 'Mon,Wed,Sat-Sun 22:00-06:00', '06:00-24:00', 'Sun 00:00-23:59', null
]) as v;
select throws_ok(format('select syncwell._check_active_hours(%L)', v), '22023', null, 'refused: ' || v)
from unnest(array[
  '', 'Mon-Fri', 'mon-fri 08:00-18:00', 'Mon-Fri 8:00-18:00', 'Mon-Fri 08:00-08:00', 'Mon-Fri 08:00-25:00', 'Foo 08:00-18:00',
  'Mon-Fri 24:00-08:00', 'Mon-Fri 08:60-18:00', '08:00-18:00; drop table x'
]) as v;

select * from finish();
rollback;
