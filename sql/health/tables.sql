-- What is known of a stream, as maintained rows tell it: the only thing its status and score are computed from.
create type syncwell.stream_facts as (
  expected_interval interval,
  cron text,
  time_zone text,
  registered_at timestamptz,
  created_at timestamptz,
  last_run_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  consecutive_failures integer,
  recent_outcomes varbit,
  next_sync_at timestamptz
);
comment on type syncwell.stream_facts is
'The maintained facts of one stream from which _stream_status() computes its status and score when they are read.';
