create view syncwell.session_readings with (security_invoker = true) as
select
  r.session_id as session, -- noqa: RF04
  r.user_id,
  r.occurred_at as at, -- noqa: RF04
  r.spo2,
  r.heart_rate,
  r.data_source
from syncwell.session_records as r
where r.kind = 'reading';
comment on view syncwell.session_readings is
'What was measured in sessions, of everybody the reader may see. To be asked for sessions or users: an index finds '
'those.';
comment on column syncwell.session_readings.session is 'The session''s id.';
comment on column syncwell.session_readings.user_id is 'Whose it is.';
comment on column syncwell.session_readings.at is 'When it was measured.';
comment on column syncwell.session_readings.spo2 is 'Oxygen saturation in percent; NULL: none.';
comment on column syncwell.session_readings.heart_rate is 'Heart beats a minute; NULL: none.';
comment on column syncwell.session_readings.data_source is
'mock (made up: leave it out where you count), bluetooth, manual; NULL when not told.';
revoke all on syncwell.session_readings from public;
grant select on syncwell.session_readings to syncwell_reader, syncwell_client;
