-- metrics: counts and durations of runs by hour, day and week, with what has to be counted again.

create type syncwell.sketch as (
  zeros bigint,
  indexes integer array,
  counts bigint array,
  minimum bigint,
  maximum bigint
);
comment on type syncwell.sketch is
'How values are distributed, in logarithmic buckets: bucket i holds (b^i, b^(i+1)] with b = 2^(1/32), so that any '
'percentile is within 1.083 %, also after merging. zeros: values of 0; indexes and counts: the buckets that hold '
'something, ascending; minimum, maximum: exact.';

create table syncwell.sync_metrics (
  org_id uuid not null,
  stream_id uuid not null,
  period text not null constraint sync_metrics_period_is_known check (period in ('hour', 'day', 'week')),
  period_start timestamptz not null,
  user_id uuid,
  source text not null,
  total bigint not null,
  successful bigint not null,
  failed bigint not null,
  items numeric,
  duration_total numeric,
  durations syncwell.sketch,
  computed_at timestamptz not null,
  primary key (org_id, stream_id, period, period_start),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
);
create index sync_metrics_by_age on syncwell.sync_metrics (period, period_start);
comment on table syncwell.sync_metrics is
'Runs of each stream by hour (UTC), day and week. Kept up by refresh_sync_metrics(); what sync_metrics_dirty names is '
'out of date, and every function that reads metrics counts it anew. Hours are kept for setting metrics.retention, days '
'and weeks for ever.';
comment on column syncwell.sync_metrics.org_id is 'The org.';
comment on column syncwell.sync_metrics.stream_id is 'The stream.';
comment on column syncwell.sync_metrics.period is 'hour, day or week (from Monday).';
comment on column syncwell.sync_metrics.period_start is
'When the period begins; days and weeks at midnight of the time zone in sync_metrics_calendars.';
comment on column syncwell.sync_metrics.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_metrics.source is 'What was synced.';
comment on column syncwell.sync_metrics.total is 'Runs that were started in the period.';
comment on column syncwell.sync_metrics.successful is 'Those that ended as success or partial.';
comment on column syncwell.sync_metrics.failed is 'Those that ended as failed or timeout.';
comment on column syncwell.sync_metrics.items is 'Items they processed; NULL when never told.';
comment on column syncwell.sync_metrics.duration_total is
'Milliseconds that the successful and failed ones took in all; NULL without any.';
comment on column syncwell.sync_metrics.durations is
'How long they took, in milliseconds, as a sketch: percentiles are within 1.083 %, in every period; NULL without any.';
comment on column syncwell.sync_metrics.computed_at is 'When the row was counted.';

create table syncwell.sync_metrics_calendars (
  org_id uuid not null,
  stream_id uuid not null,
  time_zone text not null,
  primary key (org_id, stream_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
);
comment on table syncwell.sync_metrics_calendars is
'By whose midnight the days and weeks of a stream in sync_metrics begin. A stream without a row has none: they are '
'counted from its hours when asked for.';
comment on column syncwell.sync_metrics_calendars.org_id is 'The org.';
comment on column syncwell.sync_metrics_calendars.stream_id is 'The stream.';
comment on column syncwell.sync_metrics_calendars.time_zone is 'IANA time zone.';

-- only ever appended to and emptied: writers never wait for each other
create table syncwell.sync_metrics_dirty (
  org_id uuid not null,
  stream_id uuid not null,
  hour timestamptz not null
);
create index sync_metrics_dirty_by_stream on syncwell.sync_metrics_dirty (org_id, stream_id, hour);
comment on table syncwell.sync_metrics_dirty is
'Hours in which runs were written since they were counted. Written with the run, in its transaction: whoever sees the '
'run sees the mark.';
comment on column syncwell.sync_metrics_dirty.org_id is 'The org.';
comment on column syncwell.sync_metrics_dirty.stream_id is 'The stream.';
comment on column syncwell.sync_metrics_dirty.hour is 'The hour (UTC) in which the run was started.';
