begin;
select plan(22);

create function pg_temp.after(p_from text, p_duration interval, p_hours text, p_zone text default 'Europe/Berlin')
returns text
language sql
as $$
  select to_char(
    syncwell._active_after((p_from::timestamp at time zone p_zone), p_duration, p_hours, p_zone) at time zone p_zone,
    'Dy DD HH24:MI'
  );
$$;

select is(syncwell._active_after('2026-03-28 12:00+00', '1 day', null, 'Europe/Berlin'), '2026-03-29 12:00+00', 'no active hours: elapsed time, and a day is 24 hours');
select is(pg_temp.after('2026-03-10 10:00', '1 hour', 'Mon-Fri 08:00-18:00'), 'Tue 10 11:00', 'within one day');
select is(pg_temp.after('2026-03-10 17:30', '1 hour', 'Mon-Fri 08:00-18:00'), 'Wed 11 08:30', 'the night does not count');
select is(pg_temp.after('2026-03-13 17:30', '1 hour', 'Mon-Fri 08:00-18:00'), 'Mon 16 08:30', 'nor does the weekend');
select is(pg_temp.after('2026-03-14 12:00', '1 hour', 'Mon-Fri 08:00-18:00'), 'Mon 16 09:00', 'from within it: counted from Monday on');
select is(pg_temp.after('2026-03-13 17:00', '1 hour', 'Mon-Fri 08:00-18:00'), 'Fri 13 18:00', 'passed as soon as it has passed');
select is(pg_temp.after('2026-03-13 19:00', '0', 'Mon-Fri 08:00-18:00'), 'Fri 13 19:00', 'nothing takes no time');
select is(pg_temp.after('2026-03-16 10:00', '1 hour', 'Sat-Sun 09:00-12:00'), 'Sat 21 10:00', 'a source of weekends waits for the weekend');
select is(pg_temp.after('2026-03-13 23:00', '8 hours', 'Fri-Sat 22:00-06:00'), 'Sat 14 23:00', 'hours that pass midnight belong to the day they begin on');
select is(pg_temp.after('2026-03-15 05:00', '2 hours', 'Fri-Sat 22:00-06:00'), 'Fri 20 23:00', 'so that Sunday morning is active and Sunday night is not');
select is(pg_temp.after('2026-03-15 12:00', '1 hour', 'Sat-Mon,Wed 10:00-11:00'), 'Mon 16 11:00', 'days that pass the week''s end');
select is(pg_temp.after('2026-03-16 12:00', '1 hour', 'Sat-Mon,Wed 10:00-11:00'), 'Wed 18 11:00', 'and a list');
select is(pg_temp.after('2026-03-10 20:00', '8 hours', '06:00-24:00'), 'Wed 11 10:00', 'until midnight, every day');
select is(pg_temp.after('2026-03-10 10:00', '520 days', 'Mon-Fri 08:00-18:00'), 'Fri 20 10:00', 'a wait of 249.6 weeks');
select is(
  syncwell._active_after('2026-03-10 10:00+00', '87600 hours', 'Mon 08:00-08:01', 'UTC') - '2026-03-10 10:00+00', '700000 days',
  'no wait leads out of the range of times'
);

-- the hour that is missing or there twice, at the edges of active hours
select is(pg_temp.after('2026-03-28 23:00', '4 hours', '22:00-06:00'), 'Sun 29 04:00', 'Berlin in March: the night is an hour shorter');
select is(pg_temp.after('2026-10-24 23:00', '4 hours', '22:00-06:00'), 'Sun 25 02:00', 'in October an hour longer');
select is(pg_temp.after('2026-03-28 23:00', '3 hours', '22:00-02:30'), 'Sun 29 03:00', 'they end in the hour that is missing: as much later');
select is(pg_temp.after('2026-03-29 00:00', '1 minute', '02:30-06:00'), 'Sun 29 03:31', 'they begin in it: as much later');
select is(
  syncwell._active_after('2026-10-24 22:00+00', '225 minutes', '00:00-02:30', 'Europe/Berlin'), '2026-10-25 23:15+00',
  'they end in the hour that is there twice: the second time, after 3 hours 30 minutes'
);

-- against counting quarters of an hour one by one
create function pg_temp.counted(p_from timestamptz, p_quarters integer, p_days integer[], p_opens interval, p_closes interval, p_zone text)
returns timestamptz
language sql
as $$
  select a.at + interval '15 minutes'
  from (
    select q.at
    from generate_series(p_from, p_from + interval '420 hours', interval '15 minutes') as q (at)
    cross join lateral (select q.at at time zone p_zone as wall) as w
    cross join lateral (select w.wall - date_trunc('day', w.wall) as clock, extract(isodow from w.wall)::integer as day) as c
    where case
      when p_opens < p_closes then c.day = any(p_days) and c.clock >= p_opens and c.clock < p_closes
      else (c.day = any(p_days) and c.clock >= p_opens) or ((c.day + 5) % 7 + 1 = any(p_days) and c.clock < p_closes)
    end
    order by q.at
    offset p_quarters - 1
    limit 1
  ) as a;
$$;
create temporary table cases as
select
  z.zone, (z.day::timestamp at time zone z.zone) + h.hours * interval '1 hour' as start, n.quarters, w.hours, w.days, w.opens, w.closes
from (
  values ('Europe/Berlin', '2026-03-27'::date), ('Europe/Berlin', '2026-10-23'), ('America/New_York', '2026-03-06'),
    ('America/New_York', '2026-10-30'), ('Asia/Kolkata', '2026-03-27')
) as z (zone, day)
cross join (values (3), (30), (49)) as h (hours)
cross join (values (1), (7), (45), (130)) as n (quarters)
cross join (
  values ('Mon-Fri 08:00-18:00', '{1,2,3,4,5}'::integer[], '08:00'::interval, '18:00'::interval), ('Sun 00:00-24:00', '{7}', '00:00', '24:00'),
    ('22:00-06:00', '{1,2,3,4,5,6,7}', '22:00', '06:00'), ('Sat-Sun 00:15-13:45', '{6,7}', '00:15', '13:45')
) as w (hours, days, opens, closes);
select is((select count(*) from cases), 240::bigint, '240 cases around the changes of the clock');
select is_empty(
  $$select c.*, f.at as fast, s.at as slow
    from cases as c
    cross join lateral (select syncwell._active_after(c.start, c.quarters * interval '15 minutes', c.hours, c.zone) as at) as f
    cross join lateral (select pg_temp.counted(c.start, c.quarters, c.days, c.opens, c.closes, c.zone) as at) as s
    where f.at is distinct from s.at$$,
  'the same to the minute, in Berlin and New York, spring and autumn'
);

select * from finish();
rollback;
