-- health: what is computed from the facts of a stream, and what evaluate_health() keeps of it.

-- What is known of a stream, as maintained rows tell it: the only thing its status and score are computed from.
create type syncwell.stream_facts as (
  expected_interval interval,
  cron text,
  time_zone text,
  active_hours text,
  registered_at timestamptz,
  created_at timestamptz,
  last_run_at timestamptz,
  last_status text,
  last_success_at timestamptz,
  last_failed_at timestamptz,
  last_duration_ms bigint,
  consecutive_failures integer,
  recent_outcomes varbit,
  next_sync_at timestamptz,
  learned_interval interval,
  usual_duration_ms bigint,
  usual_runs bigint,
  drift_percent numeric,
  drift_severity text,
  queue_oldest_at timestamptz,
  queue_reported_at timestamptz,
  expect_from timestamptz,
  judge_from timestamptz,
  is_paused boolean
);
comment on type syncwell.stream_facts is
'The maintained facts of one stream from which _stream_status() computes its status and score when they are read.';

-- Keys as they are, so that a document of settings becomes one of these by jsonb_populate_record().
create type syncwell.health_limits as (
  "runs.failure_threshold" integer,
  "runs.max_runtime" interval,
  "health.recovery_threshold" integer,
  "health.stale_after" interval,
  "health.stale_intervals" integer,
  "health.grace_minimum" interval,
  "health.grace_ratio" double precision,
  "health.weight_freshness" numeric,
  "health.weight_reliability" numeric,
  "health.weight_queue" numeric,
  "health.weight_drift" numeric,
  "health.weight_speed" numeric,
  "health.recency_decay" double precision,
  "health.failure_penalty" numeric,
  "health.slow_runs" integer,
  "health.speed_limit" numeric,
  "health.queue_good" interval,
  "health.queue_bad" interval,
  "health.evaluation_interval" interval
);
comment on type syncwell.health_limits is
'The settings that a status and a score are computed with, under their own names.';

create table syncwell.stream_states (
  org_id uuid not null,
  stream_id uuid not null,
  user_id uuid,
  source text not null,
  status text not null default 'unknown'
  constraint stream_states_status_is_known check (status in ('unknown', 'healthy', 'late', 'degraded', 'unhealthy')),
  since timestamptz,
  pending_status text
  constraint stream_states_pending_is_known
  check (pending_status in ('unknown', 'healthy', 'late', 'degraded', 'unhealthy')),
  pending_since timestamptz,
  recent_states bit varying(21) not null default b'',
  is_flapping boolean not null default false,
  evaluated_at timestamptz,
  seen_run_at timestamptz,
  pending_issues jsonb,
  expect_from timestamptz,
  learned_at timestamptz,
  learned_interval interval constraint stream_states_interval_is_positive check (learned_interval > '0'::interval),
  usual_duration_ms bigint constraint stream_states_usual_duration_is_not_negative check (usual_duration_ms >= 0),
  usual_runs bigint not null default 0,
  usual_delay interval constraint stream_states_usual_delay_is_not_negative check (usual_delay >= '0'::interval),
  drift_percent numeric,
  drift_severity text
  constraint stream_states_drift_severity_is_known
  check (drift_severity in ('learning', 'none', 'warning', 'critical')),
  drift_since timestamptz,
  queue_depth bigint constraint stream_states_queue_depth_is_not_negative check (queue_depth >= 0),
  queue_oldest_at timestamptz,
  queue_reported_at timestamptz,
  work_depth bigint,
  work_oldest_at timestamptz,
  work_counted_at timestamptz,
  primary key (org_id, stream_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
  -- hot: written at every evaluation that moves it, and no changing column may be indexed
) with (fillfactor = 70);
comment on table syncwell.stream_states is
'What health knows of a stream beside its runs: the state that evaluate_health() last moved it to, what is usual for '
'it, its drift, and what its devices told of their queues. A row from the first of these on.';
comment on column syncwell.stream_states.org_id is 'The org.';
comment on column syncwell.stream_states.stream_id is 'The stream.';
comment on column syncwell.stream_states.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.stream_states.source is 'What is synced.';
comment on column syncwell.stream_states.status is
'unknown, healthy, late, degraded or unhealthy, as evaluate_health() last decided; stream_health has it as of now.';
comment on column syncwell.stream_states.since is 'Since when it has been so; NULL: never evaluated.';
comment on column syncwell.stream_states.pending_status is
'What it moves to if that holds for health.pending_for (worse) or health.keep_for (better); NULL: nothing.';
comment on column syncwell.stream_states.pending_since is 'Since when that has held.';
comment on column syncwell.stream_states.recent_states is
'The newest 21 observations, oldest first, 1 = something was wrong; what flapping is computed from.';
comment on column syncwell.stream_states.is_flapping is
'Whether it changes between well and not well so often that single changes say nothing.';
comment on column syncwell.stream_states.evaluated_at is
'When evaluate_health() last changed what it keeps of it; when it last looked is in health_evaluations.';
comment on column syncwell.stream_states.seen_run_at is 'The end of the last run that counts in recent_states.';
comment on column syncwell.stream_states.pending_issues is
'What becomes an issue once it has lasted for health.pending_for: fingerprints, and when each was first found; NULL: '
'nothing.';
comment on column syncwell.stream_states.expect_from is
'The end of the last pause: expectations count from here, if it is later than the last success; infinity while it '
'lasts; NULL: never paused.';
comment on column syncwell.stream_states.learned_at is 'When the following was last learned; NULL: never.';
comment on column syncwell.stream_states.learned_interval is
'How often it usually succeeds: the time between successes in or below which it spends 90 % of its time; NULL: too '
'little history.';
comment on column syncwell.stream_states.usual_duration_ms is
'95 % of its runs of the last 28 days that succeeded or failed took no longer, within 1.083 %; NULL without any.';
comment on column syncwell.stream_states.usual_runs is 'How many runs that is learned from.';
comment on column syncwell.stream_states.usual_delay is
'95 % of its events arrived within this after they happened; NULL: it has no events.';
comment on column syncwell.stream_states.drift_percent is
'How far its volume is from what is expected, in percent of that, over the window that stands out most; NULL: not '
'known.';
comment on column syncwell.stream_states.drift_severity is
'learning (too little history), none (nothing significant), warning or critical; NULL: never checked.';
comment on column syncwell.stream_states.drift_since is 'Since when it has been significant; NULL: it is not.';
comment on column syncwell.stream_states.queue_depth is
'Operations that wait on its devices, as these last told; NULL: never told.';
comment on column syncwell.stream_states.queue_oldest_at is 'Since when the oldest of them waits; NULL: none does.';
comment on column syncwell.stream_states.queue_reported_at is 'When a device last told; NULL: never.';
comment on column syncwell.stream_states.work_depth is
'Its operations in sync_queue that were not done and not dead when evaluate_health() last looked; NULL: it never had '
'any.';
comment on column syncwell.stream_states.work_oldest_at is
'Since when the oldest of those that are ready could have been done; NULL: none was.';
comment on column syncwell.stream_states.work_counted_at is 'When evaluate_health() last found that changed.';

create table syncwell.stream_periods (
  org_id uuid not null,
  stream_id uuid not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  user_id uuid,
  source text not null,
  status text not null
  constraint stream_periods_status_is_known check (status in ('unknown', 'healthy', 'late', 'degraded', 'unhealthy')),
  overlay text
  constraint stream_periods_overlay_is_known check (overlay in ('paused', 'excluded', 'muted', 'blind')),
  is_flapping boolean not null default false,
  score numeric,
  primary key (org_id, stream_id, starts_at),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade,
  constraint stream_periods_end_after_they_start check (ends_at > starts_at)
);
create unique index stream_periods_have_one_open on syncwell.stream_periods (org_id, stream_id) where ends_at is null;
create index stream_periods_by_age on syncwell.stream_periods (ends_at) where ends_at is not null;
comment on table syncwell.stream_periods is
'How each stream was, one row a stretch of time without change: what uptime and history are computed from. The '
'stretches of a stream lie end to end from its first evaluation on, but for the time it was retired.';
comment on column syncwell.stream_periods.org_id is 'The org.';
comment on column syncwell.stream_periods.stream_id is 'The stream.';
comment on column syncwell.stream_periods.starts_at is 'When it began.';
comment on column syncwell.stream_periods.ends_at is 'When it ended; NULL: it lasts.';
comment on column syncwell.stream_periods.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.stream_periods.source is 'What is synced.';
comment on column syncwell.stream_periods.status is 'unknown, healthy, late, degraded or unhealthy.';
comment on column syncwell.stream_periods.overlay is
'paused, excluded or muted: by a maintenance window of that mode; blind: nothing evaluated; NULL: none of them.';
comment on column syncwell.stream_periods.is_flapping is 'Whether the stream was flapping.';
comment on column syncwell.stream_periods.score is
'Its score, 0 to 100, to 10 points: a new row begins when it has moved by as much; NULL: unknown.';

-- What evaluate_health() carries from the statement that decides to those that write: rows that change, no others.
create type syncwell.stream_verdict as (
  stream_id uuid,
  user_id uuid,
  source text,
  status text,
  pending_status text,
  pending_since timestamptz,
  recent_states varbit,
  is_flapping boolean,
  seen_run_at timestamptz,
  overlay text,
  score numeric,
  is_first boolean,
  is_moved boolean,
  is_changed boolean,
  begins_period boolean
);
comment on type syncwell.stream_verdict is
'What evaluate_health() decided of one stream. is_first: nothing is kept of it yet; is_moved: its status is another; '
'is_changed: its row in stream_states; begins_period: a stretch of stream_periods begins.';

create type syncwell.issue_verdict as (
  id uuid,
  fingerprint text,
  issue_type text,
  severity text,
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  since timestamptz,
  evidence jsonb,
  suggestion text,
  parent_id uuid,
  muted_by text,
  gone_since timestamptz,
  is_found boolean,
  is_new boolean,
  is_reopened boolean,
  is_resolved boolean
);
comment on type syncwell.issue_verdict is
'What evaluate_health() decided of one issue. is_found: it is there now; is_new, is_reopened, is_resolved: it begins, '
'comes back, ends.';

create table syncwell.sync_health (
  org_id uuid not null,
  stream_id uuid not null,
  device_id text not null default '',
  user_id uuid,
  source text not null,
  platform text
  constraint sync_health_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  network text,
  sync_duration_ms bigint constraint sync_health_takes_no_negative_time check (sync_duration_ms >= 0),
  record_count bigint,
  error_count bigint,
  queue_depth bigint,
  oldest_pending_at timestamptz,
  reported_at timestamptz not null,
  received_at timestamptz not null,
  recent_reports timestamptz[] not null default '{}',
  queue_depth_before bigint,
  oldest_pending_before timestamptz,
  primary key (org_id, stream_id, device_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade,
  constraint sync_health_counts_nothing_negative check (least(record_count, error_count, queue_depth) >= 0)
) with (fillfactor = 70);
comment on table syncwell.sync_health is
'What each device last told of its syncing: one row a stream and device; the newest reported_at wins. What a report '
'leaves out stays as it was told before.';
comment on column syncwell.sync_health.org_id is 'The org.';
comment on column syncwell.sync_health.stream_id is 'The stream.';
comment on column syncwell.sync_health.device_id is
'The device, as the consent of its user lets it be kept; else empty.';
comment on column syncwell.sync_health.user_id is 'The user whose device it is; NULL for the org''s own.';
comment on column syncwell.sync_health.source is 'What is synced.';
comment on column syncwell.sync_health.platform is 'android, ios, web, server or other; NULL: never told.';
comment on column syncwell.sync_health.network is 'wifi, cellular or the like; NULL: never told, or no consent.';
comment on column syncwell.sync_health.sync_duration_ms is 'How long its last sync took; NULL: never told.';
comment on column syncwell.sync_health.record_count is 'Records of that sync; NULL: never told.';
comment on column syncwell.sync_health.error_count is 'Errors of that sync; NULL: never told.';
comment on column syncwell.sync_health.queue_depth is 'Operations that wait on the device; NULL: never told.';
comment on column syncwell.sync_health.oldest_pending_at is
'Since when the oldest of them waits; NULL: none, or never told.';
comment on column syncwell.sync_health.reported_at is 'When it was so, by the device''s clock.';
comment on column syncwell.sync_health.received_at is 'When the report arrived.';
comment on column syncwell.sync_health.recent_reports is
'reported_at of the last 32 reports, in the order of arrival: one that is sent again is known by it.';
comment on column syncwell.sync_health.queue_depth_before is
'queue_depth before that report: stream_states changes by the difference.';
comment on column syncwell.sync_health.oldest_pending_before is 'oldest_pending_at before that report.';

create table syncwell.sync_health_hours (
  org_id uuid not null,
  stream_id uuid not null,
  hour timestamptz not null,
  user_id uuid,
  source text not null,
  reports bigint not null,
  durations bigint not null,
  duration_total numeric not null,
  records numeric not null,
  errors numeric not null,
  queue_depth_maximum bigint,
  queue_age_maximum interval,
  primary key (org_id, stream_id, hour),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade
) with (fillfactor = 70);
create index sync_health_hours_by_age on syncwell.sync_health_hours (hour);
comment on table syncwell.sync_health_hours is
'What devices told, by hour (UTC) of reported_at: also reports that came late, which leave sync_health as it is.';
comment on column syncwell.sync_health_hours.org_id is 'The org.';
comment on column syncwell.sync_health_hours.stream_id is 'The stream.';
comment on column syncwell.sync_health_hours.hour is 'The hour (UTC).';
comment on column syncwell.sync_health_hours.user_id is 'The user whose devices they are; NULL for the org''s own.';
comment on column syncwell.sync_health_hours.source is 'What was synced.';
comment on column syncwell.sync_health_hours.reports is 'How many reports.';
comment on column syncwell.sync_health_hours.durations is 'How many of them told how long a sync took.';
comment on column syncwell.sync_health_hours.duration_total is 'Milliseconds that those syncs took in all.';
comment on column syncwell.sync_health_hours.records is 'Records they told of in all.';
comment on column syncwell.sync_health_hours.errors is 'Errors they told of in all.';
comment on column syncwell.sync_health_hours.queue_depth_maximum is 'The longest queue of a device; NULL: none told.';
comment on column syncwell.sync_health_hours.queue_age_maximum is
'The longest that an operation had waited on a device; NULL: none did.';

create table syncwell.sync_issues (
  org_id uuid not null references syncwell.orgs on delete cascade,
  id uuid not null,
  fingerprint text not null,
  issue_type text not null,
  severity text not null constraint sync_issues_severity_is_known check (severity in ('info', 'warning', 'critical')),
  state text not null default 'open'
  constraint sync_issues_state_is_known check (state in ('open', 'acknowledged', 'snoozed', 'resolved')),
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  parent_id uuid,
  muted_by text
  constraint sync_issues_muting_is_known check (muted_by in ('silence', 'maintenance', 'parent', 'flapping')),
  since timestamptz,
  evidence jsonb not null,
  suggestion text,
  opened_at timestamptz not null,
  times_opened integer not null default 1,
  last_seen_at timestamptz not null,
  gone_since timestamptz,
  resolved_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by uuid,
  note text constraint sync_issues_note_is_short check (length(note) <= 1000),
  snoozed_until timestamptz,
  primary key (org_id, id),
  foreign key (org_id, stream_id) references syncwell.streams (org_id, stream_id) on delete cascade,
  constraint sync_issues_resolved_has_a_time check ((state = 'resolved') = (resolved_at is not null)),
  constraint sync_issues_snoozed_has_an_end check ((state = 'snoozed') = (snoozed_until is not null))
) with (fillfactor = 80);
create unique index sync_issues_are_open_once on syncwell.sync_issues (org_id, fingerprint) where state <> 'resolved';
create index sync_issues_by_fingerprint on syncwell.sync_issues (org_id, fingerprint, id);
create index sync_issues_by_stream on syncwell.sync_issues (org_id, stream_id, id);
create index sync_issues_by_age on syncwell.sync_issues (resolved_at) where resolved_at is not null;
comment on table syncwell.sync_issues is
'What was found wrong, one row a cause and not a tick: evaluate_health() opens, reopens and resolves them, '
'acknowledge_issue() and snooze_issue() are for people.';
comment on column syncwell.sync_issues.org_id is 'The org.';
comment on column syncwell.sync_issues.id is 'The issue''s id; ids ascend with opened_at.';
comment on column syncwell.sync_issues.fingerprint is 'What makes it the same issue: its type, stream and cause.';
comment on column syncwell.sync_issues.issue_type is
'As detect_sync_issues() has it; of a whole org: mass_staleness, evaluation_gap.';
comment on column syncwell.sync_issues.severity is 'info, warning or critical.';
comment on column syncwell.sync_issues.state is 'open, acknowledged, snoozed or resolved.';
comment on column syncwell.sync_issues.stream_id is 'The stream; NULL: it is not one stream''s.';
comment on column syncwell.sync_issues.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.sync_issues.source is 'What is synced; NULL: it is not one source''s.';
comment on column syncwell.sync_issues.platform is 'The stream''s platform; NULL when not known.';
comment on column syncwell.sync_issues.parent_id is
'The issue that explains it: mass_staleness, or of a stale stream that it fails or is stuck; NULL: none.';
comment on column syncwell.sync_issues.muted_by is
'Why nobody is alerted of it: silence, maintenance (a window), parent (that one is), flapping (told once); NULL: '
'nothing keeps it quiet.';
comment on column syncwell.sync_issues.since is 'When the trouble itself began.';
comment on column syncwell.sync_issues.evidence is 'The numbers and thresholds behind it, as last seen.';
comment on column syncwell.sync_issues.suggestion is 'What to do.';
comment on column syncwell.sync_issues.opened_at is 'When it was first found.';
comment on column syncwell.sync_issues.times_opened is
'1, and 1 more for each time that it came back within health.reopen_within.';
comment on column syncwell.sync_issues.last_seen_at is 'When it was last found.';
comment on column syncwell.sync_issues.gone_since is
'Since when it is not found any more; it is resolved once that has lasted for health.keep_for.';
comment on column syncwell.sync_issues.resolved_at is 'When it was resolved; NULL: it is not.';
comment on column syncwell.sync_issues.acknowledged_at is 'When somebody took it on.';
comment on column syncwell.sync_issues.acknowledged_by is 'Who did; NULL: a service.';
comment on column syncwell.sync_issues.note is 'What whoever handled it had to say.';
comment on column syncwell.sync_issues.snoozed_until is 'Until when it rests.';

create table syncwell.silences (
  org_id uuid not null references syncwell.orgs on delete cascade,
  id uuid not null default gen_random_uuid(),
  matcher jsonb not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  reason text constraint silences_reason_is_short check (length(reason) <= 1000),
  created_by uuid,
  primary key (org_id, id),
  constraint silences_end_after_they_start check (ends_at >= starts_at)
);
comment on table syncwell.silences is
'Which issues nobody is to be alerted of for a time. They are found and shown all the same.';
comment on column syncwell.silences.org_id is 'The org.';
comment on column syncwell.silences.id is 'The silence.';
comment on column syncwell.silences.matcher is
'All of its keys must fit: source, issue_type, severity, platform, user_id, stream_id; an empty one fits all.';
comment on column syncwell.silences.starts_at is 'From when on.';
comment on column syncwell.silences.ends_at is 'Until when.';
comment on column syncwell.silences.reason is 'Why.';
comment on column syncwell.silences.created_by is 'Who asked for it; NULL: a service.';

create table syncwell.maintenance_windows (
  org_id uuid not null references syncwell.orgs on delete cascade,
  id uuid not null default gen_random_uuid(),
  mode text not null constraint maintenance_windows_mode_is_known check (mode in ('mute', 'exclude', 'pause')),
  source text,
  user_id uuid,
  platform text
  constraint maintenance_windows_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  cron text,
  time_zone text,
  reason text constraint maintenance_windows_reason_is_short check (length(reason) <= 1000),
  created_by uuid,
  cancelled_at timestamptz,
  primary key (org_id, id),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade,
  constraint maintenance_windows_end_after_they_start check (ends_at > starts_at)
);
comment on table syncwell.maintenance_windows is
'When streams are worked on. mute: nobody is alerted; exclude: nor does the time count for uptime and baselines; '
'pause: nor is anything expected.';
comment on column syncwell.maintenance_windows.org_id is 'The org.';
comment on column syncwell.maintenance_windows.id is 'The window.';
comment on column syncwell.maintenance_windows.mode is 'mute, exclude or pause.';
comment on column syncwell.maintenance_windows.source is 'For this source; NULL: all.';
comment on column syncwell.maintenance_windows.user_id is 'For this user''s streams; NULL: all.';
comment on column syncwell.maintenance_windows.platform is 'For streams of this platform; NULL: all.';
comment on column syncwell.maintenance_windows.starts_at is
'When it begins; of one that comes again: the occurrence that is on, or the next.';
comment on column syncwell.maintenance_windows.ends_at is 'When that ends.';
comment on column syncwell.maintenance_windows.cron is 'When it comes again, five cron fields; NULL: once.';
comment on column syncwell.maintenance_windows.time_zone is 'IANA time zone of the cron; NULL: the org''s.';
comment on column syncwell.maintenance_windows.reason is 'Why.';
comment on column syncwell.maintenance_windows.created_by is 'Who asked for it; NULL: a service.';
comment on column syncwell.maintenance_windows.cancelled_at is 'When it was called off; NULL: it was not.';

create table syncwell.health_evaluations (
  org_id uuid primary key references syncwell.orgs on delete cascade,
  evaluated_at timestamptz not null,
  judge_from timestamptz,
  gap_issue_id uuid
);
comment on table syncwell.health_evaluations is
'When evaluate_health() last looked at each org. If that is older than two of its intervals, states are unevaluated.';
comment on column syncwell.health_evaluations.org_id is 'The org.';
comment on column syncwell.health_evaluations.evaluated_at is 'When it last did; never goes back.';
comment on column syncwell.health_evaluations.judge_from is
'The end of the last time nothing evaluated: nothing is late before this plus its grace; NULL: never.';
comment on column syncwell.health_evaluations.gap_issue_id is 'The open issue that tells of that; NULL: none.';

create table syncwell.blind_periods (
  org_id uuid not null references syncwell.orgs on delete cascade,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  primary key (org_id, starts_at),
  constraint blind_periods_end_after_they_start check (ends_at > starts_at)
);
comment on table syncwell.blind_periods is
'When nothing evaluated an org for longer than two intervals: unknown, and left out of uptime and baselines.';
comment on column syncwell.blind_periods.org_id is 'The org.';
comment on column syncwell.blind_periods.starts_at is 'The last evaluation before.';
comment on column syncwell.blind_periods.ends_at is 'The first evaluation after.';

create table syncwell.volume_baselines (
  org_id uuid not null references syncwell.orgs on delete cascade,
  series_id uuid not null,
  stream_id uuid,
  user_id uuid,
  source text not null,
  platform text
  constraint volume_baselines_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  time_zone text not null,
  learned_at timestamptz not null,
  history_from timestamptz,
  history_to timestamptz not null,
  history_hours integer not null default 0,
  upper real[],
  lower real[],
  rates real[],
  surge_quantiles double precision[],
  surge_scales double precision[],
  drop_limits double precision[],
  gap_hours integer,
  gap_mass double precision,
  checked_to timestamptz not null,
  surge_record double precision not null default 0,
  recent_surges double precision[] not null default '{}',
  empty_hours integer not null default 0,
  empty_mass double precision not null default 0,
  finding text constraint volume_baselines_finding_is_known check (finding in ('surge', 'drop', 'gap')),
  severity text not null default 'learning'
  constraint volume_baselines_severity_is_known check (severity in ('learning', 'none', 'warning', 'critical')),
  since timestamptz,
  surge_peak double precision,
  drift_percent numeric,
  evidence jsonb,
  primary key (org_id, series_id),
  foreign key (org_id, stream_id) references syncwell.streams on delete cascade,
  constraint volume_baselines_finding_has_a_start check ((finding is null) = (since is null))
  -- hot: the check writes it every hour, and no changing column may be indexed
) with (fillfactor = 70);
create unique index volume_baselines_by_stream on syncwell.volume_baselines (org_id, stream_id)
where stream_id is not null;
-- what was found is asked at every look at issues, of one user's too; its coming and going alone is no hot update
create index volume_baselines_found on syncwell.volume_baselines (org_id) where finding is not null;
comment on table syncwell.volume_baselines is
'What volume is usual for each stream, and for all streams of a source and platform together, by hour of the week, as '
'last learned; and what the last check found. Volume: items of the runs that were started in an hour; of a stream of '
'events, from the first of these on, events that happened in it.';
comment on column syncwell.volume_baselines.org_id is 'The org.';
comment on column syncwell.volume_baselines.series_id is
'What is counted: the stream, or what stands for all streams of the source and platform.';
comment on column syncwell.volume_baselines.stream_id is
'The stream; NULL: all streams of the source and platform together.';
comment on column syncwell.volume_baselines.user_id is 'The user whose stream it is; NULL for the org''s own, or all.';
comment on column syncwell.volume_baselines.source is 'What is synced.';
comment on column syncwell.volume_baselines.platform is 'Where it runs; NULL when not known.';
comment on column syncwell.volume_baselines.time_zone is 'The zone of the hours of the week.';
comment on column syncwell.volume_baselines.learned_at is 'When it was last learned.';
comment on column syncwell.volume_baselines.history_from is
'The first hour that it is learned from; NULL: there is none.';
comment on column syncwell.volume_baselines.history_to is 'The end of the last one.';
comment on column syncwell.volume_baselines.history_hours is
'How many hours these are, without those left out: pauses, excluded and blind times, outages.';
comment on column syncwell.volume_baselines.upper is
'What an hour is expected to stay below, by hour of the week from Monday 0:00 on: the greater of two medians, of the '
'same hour of the day and of the same hour of the week.';
comment on column syncwell.volume_baselines.lower is 'What it is expected to reach: the lesser of the two.';
comment on column syncwell.volume_baselines.rates is 'The mean volume, by hour of the week; what gaps are measured by.';
comment on column syncwell.volume_baselines.surge_quantiles is
'For 1, 6 and 24 hours: what the distance from upper stayed below in 99 % of the hours.';
comment on column syncwell.volume_baselines.surge_scales is 'For 1, 6 and 24 hours: its usual spread.';
comment on column syncwell.volume_baselines.drop_limits is
'For 1, 6 and 24 hours and for the typical hour of 24: the distance below lower that is significant.';
comment on column syncwell.volume_baselines.gap_hours is 'The longest time without an item, in hours.';
comment on column syncwell.volume_baselines.gap_mass is 'The most items that were expected in such a time.';
comment on column syncwell.volume_baselines.checked_to is 'The end of the last hour that was checked.';
comment on column syncwell.volume_baselines.surge_record is
'The greatest surge until 6 hours before that, faded by a factor of e in 14 days: what a new one must exceed.';
comment on column syncwell.volume_baselines.recent_surges is 'Those of the last 6 hours, oldest first.';
comment on column syncwell.volume_baselines.empty_hours is 'For how many hours nothing has come.';
comment on column syncwell.volume_baselines.empty_mass is 'How many items were expected in them.';
comment on column syncwell.volume_baselines.finding is 'surge, drop or gap: what is significant now; NULL: nothing.';
comment on column syncwell.volume_baselines.severity is
'learning (less than two weeks of history), none, warning or critical.';
comment on column syncwell.volume_baselines.since is 'Since when the finding is significant.';
comment on column syncwell.volume_baselines.surge_peak is 'The greatest surge since then.';
comment on column syncwell.volume_baselines.drift_percent is
'How far the volume is from what is expected, in percent of that, over the window that stands out; NULL: none does.';
comment on column syncwell.volume_baselines.evidence is 'The numbers and limits behind the finding.';
