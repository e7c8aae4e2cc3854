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
  primary key (org_id, id),
  foreign key (org_id, issue_id) references syncwell.sync_issues on delete cascade
);
create index alert_outbox_by_issue on syncwell.alert_outbox (org_id, issue_id, id);
create index alert_outbox_by_age on syncwell.alert_outbox (created_at);
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
'alertname (the issue type), severity, org, source, stream, platform, user: those that are known, as text.';
comment on column syncwell.alert_outbox.annotations is
'summary and description, and flapping where that is what it tells: as text.';
comment on column syncwell.alert_outbox.starts_at is 'When the issue was opened, or reopened.';
comment on column syncwell.alert_outbox.ends_at is 'When it was resolved; NULL: it is not.';
comment on column syncwell.alert_outbox.created_at is 'When the alert was written.';
