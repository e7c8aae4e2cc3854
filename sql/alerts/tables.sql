-- alerts: what somebody is to be told of, written with the issue it comes from.

create table syncwell.alert_outbox (
  org_id uuid not null,
  id uuid not null,
  issue_id uuid not null,
  fingerprint text not null,
  status text not null constraint alert_outbox_status_is_known check (status in ('firing', 'resolved')),
  severity text not null constraint alert_outbox_severity_is_known check (severity in ('info', 'warning', 'critical')),
  user_id uuid,
  labels jsonb not null,
  annotations jsonb not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  created_at timestamptz not null,
  is_routed boolean not null default false,
  primary key (org_id, id),
  foreign key (org_id, issue_id) references syncwell.sync_issues on delete cascade
);
create index alert_outbox_by_issue on syncwell.alert_outbox (org_id, issue_id, id);
create index alert_outbox_by_age on syncwell.alert_outbox (created_at);
create index alert_outbox_by_fingerprint on syncwell.alert_outbox (org_id, fingerprint, id);
create index alert_outbox_to_route on syncwell.alert_outbox (org_id, id) where not is_routed;
comment on table syncwell.alert_outbox is
'Alerts, one row for each change somebody is to be told of: written by a trigger on sync_issues in the transaction '
'that opens, worsens or resolves an issue, so that none is lost and none is made up. Labels and annotations are as '
'Alertmanager takes them.';
comment on column syncwell.alert_outbox.org_id is 'The org.';
comment on column syncwell.alert_outbox.id is 'The alert''s id; ids ascend with created_at.';
comment on column syncwell.alert_outbox.issue_id is 'The issue it tells of.';
comment on column syncwell.alert_outbox.fingerprint is 'The issue''s fingerprint: receivers drop what they know.';
comment on column syncwell.alert_outbox.status is 'firing or resolved.';
comment on column syncwell.alert_outbox.severity is 'info, warning or critical.';
comment on column syncwell.alert_outbox.user_id is 'The user whose stream it is; NULL for the org''s own.';
comment on column syncwell.alert_outbox.labels is
'alertname (the issue type), severity, org, source, stream, platform, user, channel (of alert_channel): those that are '
'known, as text.';
comment on column syncwell.alert_outbox.annotations is
'summary and description, and flapping where that is what it tells: as text.';
comment on column syncwell.alert_outbox.starts_at is 'When the issue was opened, or reopened.';
comment on column syncwell.alert_outbox.ends_at is 'When it was resolved; NULL: it is not.';
comment on column syncwell.alert_outbox.created_at is 'When the alert was written.';
comment on column syncwell.alert_outbox.is_routed is
'Whether the channels that it goes to have their rows in alert_deliveries.';

-- Whoever hands an org's alerts on or adds a channel holds its row: else a channel could begin between two looks, and
-- what was told at that moment would never reach it.
create table syncwell.alert_routes (
  org_id uuid primary key references syncwell.orgs on delete cascade,
  routed bigint not null default 0,
  changed_at timestamptz not null
) with (fillfactor = 70);
comment on table syncwell.alert_routes is 'How many alerts of an org were handed on to its channels.';
comment on column syncwell.alert_routes.org_id is 'The org.';
comment on column syncwell.alert_routes.routed is 'How many alerts.';
comment on column syncwell.alert_routes.changed_at is 'When alerts were last handed on, or a channel was added.';

create table syncwell.alert_channels (
  org_id uuid not null references syncwell.orgs on delete cascade,
  channel text not null,
  opened_at timestamptz not null,
  seen_at timestamptz not null,
  delivered_at timestamptz,
  failed_at timestamptz,
  last_error_type text,
  last_error text,
  dead_since timestamptz,
  dead_reason text
  constraint alert_channels_dead_reason_is_known check (dead_reason in ('failing', 'overdue')),
  issue_id uuid,
  primary key (org_id, channel),
  constraint alert_channels_dead_has_a_reason check ((dead_since is null) = (dead_reason is null))
) with (fillfactor = 70);
comment on table syncwell.alert_channels is
'Channels by which alerts of an org go out, by name: where they lead and with what secrets is known to whoever '
'delivers (syncwell alerts deliver) only. A row is made when a deliverer first asks for the channel''s alerts.';
comment on column syncwell.alert_channels.org_id is 'The org.';
comment on column syncwell.alert_channels.channel is 'Its name, as the deliverer''s configuration has it.';
comment on column syncwell.alert_channels.opened_at is
'Since when alerts go to it; of those before, it got what was firing then.';
comment on column syncwell.alert_channels.seen_at is 'When a deliverer last asked for its alerts, to the hour.';
comment on column syncwell.alert_channels.delivered_at is 'When an alert last went out by it; NULL: never.';
comment on column syncwell.alert_channels.failed_at is 'When that last failed; NULL: never.';
comment on column syncwell.alert_channels.last_error_type is 'How: see classify_sync_error().';
comment on column syncwell.alert_channels.last_error is 'The message, without secrets.';
comment on column syncwell.alert_channels.dead_since is 'Since when nothing gets through; NULL: it works.';
comment on column syncwell.alert_channels.dead_reason is
'failing: retries are used up, or do not help; overdue: nobody delivers. NULL: it works.';
comment on column syncwell.alert_channels.issue_id is 'The issue that tells of it; NULL: there was none yet.';

create table syncwell.alert_deliveries (
  org_id uuid not null,
  alert_id uuid not null,
  channel text not null,
  fingerprint text not null,
  status text not null,
  state text not null default 'pending'
  constraint alert_deliveries_state_is_known check (state in ('pending', 'done', 'dead', 'skipped')),
  attempts integer not null default 0,
  failures integer not null default 0,
  next_attempt_at timestamptz not null,
  lease_token uuid,
  created_at timestamptz not null,
  ended_at timestamptz,
  last_failed_at timestamptz,
  last_error_type text,
  last_error text,
  reason text
  constraint alert_deliveries_reason_is_known check (
    reason in ('retry', 'parked', 'permanent', 'too_old', 'no_match', 'not_told')
  ),
  primary key (org_id, alert_id, channel),
  foreign key (org_id, alert_id) references syncwell.alert_outbox on delete cascade,
  foreign key (org_id, channel) references syncwell.alert_channels on delete cascade,
  constraint alert_deliveries_ended_has_a_time check ((state = 'pending') = (ended_at is null))
) with (fillfactor = 80);
create index alert_deliveries_due on syncwell.alert_deliveries (org_id, channel, next_attempt_at, alert_id)
where state = 'pending';
create index alert_deliveries_by_fingerprint on syncwell.alert_deliveries (org_id, channel, fingerprint, alert_id);
create index alert_deliveries_first on syncwell.alert_deliveries (org_id, channel, fingerprint, alert_id)
where state = 'pending';
create index alert_deliveries_by_lease on syncwell.alert_deliveries (lease_token) where lease_token is not null;
comment on table syncwell.alert_deliveries is
'Which alert goes out by which channel, and how far that is: at least once, those of a fingerprint one after the '
'other. They go with their alert.';
comment on column syncwell.alert_deliveries.org_id is 'The org.';
comment on column syncwell.alert_deliveries.alert_id is 'The alert.';
comment on column syncwell.alert_deliveries.channel is 'The channel, by name.';
comment on column syncwell.alert_deliveries.fingerprint is 'The alert''s fingerprint.';
comment on column syncwell.alert_deliveries.status is 'The alert''s status: firing or resolved.';
comment on column syncwell.alert_deliveries.state is
'pending; done: it went out; dead: it did not, and is not tried again; skipped: it is not for this channel.';
comment on column syncwell.alert_deliveries.attempts is 'How often it was handed out.';
comment on column syncwell.alert_deliveries.failures is 'How many of these were told to have failed.';
comment on column syncwell.alert_deliveries.next_attempt_at is
'From when on it may be handed out; while it is: when its lease ends, and it may be again.';
comment on column syncwell.alert_deliveries.lease_token is
'Proof of the deliverer that has it, or had it last; NULL: nobody, or given back.';
comment on column syncwell.alert_deliveries.created_at is 'When it was handed on to the channel.';
comment on column syncwell.alert_deliveries.ended_at is 'When it went out, died or was skipped; NULL: pending.';
comment on column syncwell.alert_deliveries.last_failed_at is 'When it last failed; NULL: never.';
comment on column syncwell.alert_deliveries.last_error_type is 'How: see classify_sync_error().';
comment on column syncwell.alert_deliveries.last_error is 'The message, without secrets.';
comment on column syncwell.alert_deliveries.reason is
'pending: retry (soon), parked (every retry.slow_interval); dead: permanent (trying again does not help), too_old '
'(older than retry.max_age); skipped: no_match (the channel does not want it), not_told (the channel was never told '
'that it fires). NULL: none.';
