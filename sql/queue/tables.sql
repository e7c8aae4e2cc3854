-- queue: operations that wait to be done, each once in effect, however often it is sent and whoever dies on the way.

create sequence syncwell.sync_queue_places;

-- Neither checks nor foreign keys: each of them costs as much as the rest of a statement on one row. The functions are
-- the only ones that write here, and _operation_fault() is what checks for them.
create table syncwell.sync_queue (
  org_id uuid not null,
  id uuid not null,
  place bigint not null default nextval('syncwell.sync_queue_places'),
  user_id uuid,
  source text not null,
  operation_type text not null,
  payload jsonb not null,
  dedup_key text,
  dedup_hash uuid not null,
  dedup_mode text not null,
  priority smallint not null,
  lane bigint not null,
  status text not null default 'pending',
  run_at timestamptz not null,
  blockers integer not null default 0,
  is_waited_for boolean not null default false,
  attempts integer not null default 0,
  max_attempts integer not null,
  ordering_key text,
  order_hash bigint,
  enqueued_at timestamptz not null,
  claimed_at timestamptz,
  lease_token uuid,
  lease_owner text,
  last_failed_at timestamptz,
  last_error_type text,
  last_error_code text,
  last_error text,
  dead_reason text,
  platform text,
  device_id text,
  primary key (org_id, id)
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
-- what is done at most once at a time; replace and merge give way as soon as theirs is being processed
create unique index sync_queue_twins on syncwell.sync_queue (org_id, dedup_hash)
where status = 'pending' or (status = 'processing' and dedup_mode = 'ignore');
create index sync_queue_processed_twins on syncwell.sync_queue (org_id, dedup_hash)
where status = 'processing' and dedup_mode in ('replace', 'merge');
-- In each lane what may be claimed first stands first, leases that ran out included. Narrow, since claims walk over
-- what was done since the last vacuum.
create index sync_queue_lanes on syncwell.sync_queue (lane, run_at) where status <> 'dead' and blockers = 0;
create index sync_queue_by_order on syncwell.sync_queue (org_id, order_hash, place)
where order_hash is not null and status <> 'dead';
create index sync_queue_last_attempts on syncwell.sync_queue (org_id, run_at)
where status = 'processing' and attempts >= max_attempts;
create index sync_queue_dead on syncwell.sync_queue (org_id, id) where status = 'dead';
comment on table syncwell.sync_queue is
'Operations that are to be done. Those that are done or superseded are in sync_queue_archive, without their payload; '
'those that failed for good stay here as dead until somebody requeues them.';
comment on column syncwell.sync_queue.org_id is 'The org.';
comment on column syncwell.sync_queue.id is 'The operation''s id; ids ascend with enqueued_at.';
comment on column syncwell.sync_queue.place is 'Its place in the order of arrival.';
comment on column syncwell.sync_queue.user_id is 'The user whose operation it is; NULL for the org''s own.';
comment on column syncwell.sync_queue.source is 'What it belongs to.';
comment on column syncwell.sync_queue.operation_type is 'What is to be done, e.g. send_sms.';
comment on column syncwell.sync_queue.payload is 'With what.';
comment on column syncwell.sync_queue.dedup_key is
'What makes two operations of a user and type the same; NULL: their payload does.';
comment on column syncwell.sync_queue.dedup_hash is 'See _dedup_hash(): twins share it.';
comment on column syncwell.sync_queue.dedup_mode is
'What the same operation sent again does while this one is pending. ignore: nothing, also while it is being '
'processed; replace: its payload takes the place of this one''s; merge: its keys do; none: it is another operation.';
comment on column syncwell.sync_queue.priority is '0 to 9; within an org, higher ones are claimed first.';
comment on column syncwell.sync_queue.lane is 'Its source and priority: see queue_lanes.';
comment on column syncwell.sync_queue.status is 'pending, processing or dead.';
comment on column syncwell.sync_queue.run_at is
'From when on it may be claimed; while it is being processed: when its lease ends, and it may be claimed again.';
comment on column syncwell.sync_queue.blockers is 'How many operations it waits for.';
comment on column syncwell.sync_queue.is_waited_for is 'Whether operations wait for it.';
comment on column syncwell.sync_queue.attempts is 'How often it was claimed.';
comment on column syncwell.sync_queue.max_attempts is 'How often it may be; then it is dead.';
comment on column syncwell.sync_queue.ordering_key is
'Operations of a user with the same key are done one after the other in the order of arrival; NULL: in any.';
comment on column syncwell.sync_queue.order_hash is 'A hash of user and ordering key; NULL without one.';
comment on column syncwell.sync_queue.enqueued_at is 'When it was first sent.';
comment on column syncwell.sync_queue.claimed_at is 'When it was last claimed; NULL: never.';
comment on column syncwell.sync_queue.lease_token is 'Proof of the worker that processes it.';
comment on column syncwell.sync_queue.lease_owner is 'That worker, as it named itself.';
comment on column syncwell.sync_queue.last_failed_at is 'When it last failed; NULL: never.';
comment on column syncwell.sync_queue.last_error_type is 'How: see classify_sync_error().';
comment on column syncwell.sync_queue.last_error_code is 'The code as the worker gave it.';
comment on column syncwell.sync_queue.last_error is 'The message, without secrets; NULL where consent is missing.';
comment on column syncwell.sync_queue.dead_reason is
'Why it is not tried again: attempts (all used), lease_expired (the last one''s worker never came back), permanent or '
'auth (trying again does not help).';
comment on column syncwell.sync_queue.platform is 'android, ios, web, server or other; NULL when not told.';
comment on column syncwell.sync_queue.device_id is 'The device it came from; NULL when not told or without consent.';

create table syncwell.queue_lanes (
  org_id uuid not null references syncwell.orgs on delete cascade,
  source text not null,
  priority smallint not null,
  lane bigint not null generated always as identity,
  primary key (org_id, source, priority)
);
comment on table syncwell.queue_lanes is
'Where operations stand in line: a lane a source and priority of an org, made when it is first needed. Of more '
'than 100 of an org, maintenance deletes those in which nothing stands.';
comment on column syncwell.queue_lanes.org_id is 'The org.';
comment on column syncwell.queue_lanes.source is 'What its operations belong to.';
comment on column syncwell.queue_lanes.priority is 'Their priority.';
comment on column syncwell.queue_lanes.lane is 'What sync_queue calls it.';

create table syncwell.queue_dependencies (
  org_id uuid not null,
  blocker_id uuid not null,
  waiting_id uuid not null,
  needs_success boolean not null,
  primary key (org_id, blocker_id, waiting_id)
);
create index queue_dependencies_by_waiting on syncwell.queue_dependencies (org_id, waiting_id);
comment on table syncwell.queue_dependencies is 'Which operation waits for which.';
comment on column syncwell.queue_dependencies.org_id is 'The org.';
comment on column syncwell.queue_dependencies.blocker_id is 'The operation that comes first.';
comment on column syncwell.queue_dependencies.waiting_id is 'The one that waits for it.';
comment on column syncwell.queue_dependencies.needs_success is
'Whether it waits until the first has been done (depends_on), or only until it is out of the way (order, a twin).';

create table syncwell.sync_queue_archive (
  org_id uuid not null,
  id uuid not null,
  user_id uuid,
  source text not null,
  operation_type text not null,
  platform text,
  status text not null,
  attempts integer not null,
  lease_token uuid,
  enqueued_at timestamptz not null,
  claimed_at timestamptz,
  finished_at timestamptz not null,
  superseded_by uuid,
  primary key (org_id, id)
) partition by range (id);
create index sync_queue_archive_by_time on syncwell.sync_queue_archive (org_id, finished_at);
comment on table syncwell.sync_queue_archive is
'Operations that were done, and those that gave way to a newer one; without their payload. Kept for setting '
'queue.archive_retention.';
comment on column syncwell.sync_queue_archive.org_id is 'The org.';
comment on column syncwell.sync_queue_archive.id is 'The operation''s id.';
comment on column syncwell.sync_queue_archive.user_id is 'The user whose operation it was; NULL for the org''s own.';
comment on column syncwell.sync_queue_archive.source is 'What it belonged to.';
comment on column syncwell.sync_queue_archive.operation_type is 'What was done.';
comment on column syncwell.sync_queue_archive.platform is 'android, ios, web, server or other; NULL when not told.';
comment on column syncwell.sync_queue_archive.status is 'completed or superseded.';
comment on column syncwell.sync_queue_archive.attempts is 'How often it was claimed.';
comment on column syncwell.sync_queue_archive.lease_token is 'Proof of the worker that completed it.';
comment on column syncwell.sync_queue_archive.enqueued_at is 'When it was first sent.';
comment on column syncwell.sync_queue_archive.claimed_at is 'When it was last claimed.';
comment on column syncwell.sync_queue_archive.finished_at is 'When it was completed or superseded.';
comment on column syncwell.sync_queue_archive.superseded_by is 'The newer operation; NULL when completed.';

create table syncwell.client_queues (
  org_id uuid not null references syncwell.orgs on delete cascade,
  user_id uuid not null,
  device_id text not null,
  source text not null,
  depth bigint not null constraint client_queues_depth_is_not_negative check (depth >= 0),
  oldest_at timestamptz,
  platform text
  constraint client_queues_platform_is_known check (platform in ('android', 'ios', 'web', 'server', 'other')),
  reported_at timestamptz not null,
  received_at timestamptz not null,
  primary key (org_id, user_id, device_id, source),
  foreign key (org_id, user_id) references syncwell.users (org_id, user_id) on delete cascade,
  constraint client_queues_empty_has_no_oldest check (depth > 0 or oldest_at is null)
) with (fillfactor = 70);
comment on table syncwell.client_queues is
'What devices last told of the queues that they keep themselves. No row: not known, which is not empty.';
comment on column syncwell.client_queues.org_id is 'The org.';
comment on column syncwell.client_queues.user_id is 'The user whose device it is.';
comment on column syncwell.client_queues.device_id is 'The device, as consent lets it be kept; else empty.';
comment on column syncwell.client_queues.source is 'What waits there.';
comment on column syncwell.client_queues.depth is 'How many operations wait.';
comment on column syncwell.client_queues.oldest_at is 'Since when the oldest does; NULL: none does, or not told.';
comment on column syncwell.client_queues.platform is 'android, ios, web, server or other; NULL when not told.';
comment on column syncwell.client_queues.reported_at is 'When it was so, by the device''s clock.';
comment on column syncwell.client_queues.received_at is 'When the report arrived.';

create table syncwell.rate_limits (
  org_id uuid not null references syncwell.orgs on delete cascade,
  bucket text not null constraint rate_limits_bucket_is_named check (length(bucket) between 1 and 300),
  tokens double precision not null,
  filled_at timestamptz not null,
  primary key (org_id, bucket)
) with (fillfactor = 50);
comment on table syncwell.rate_limits is 'Token buckets: one row a bucket that was ever asked.';
comment on column syncwell.rate_limits.org_id is 'The org.';
comment on column syncwell.rate_limits.bucket is
'Its name, usually a source; of a member''s own, after the user''s id.';
comment on column syncwell.rate_limits.tokens is 'What was in it at filled_at.';
comment on column syncwell.rate_limits.filled_at is 'When it was last filled up.';

create table syncwell.queue_defaults (
  org_id uuid primary key references syncwell.orgs on delete cascade,
  source text not null,
  max_attempts integer not null,
  max_payload integer not null,
  notifies boolean not null,
  varies boolean not null
);
comment on table syncwell.queue_defaults is
'The settings that every operation that is sent needs, as they hold for each org: what _queue_defaults() says, found '
'by one look at one row. Triggers on orgs and settings keep it.';
comment on column syncwell.queue_defaults.org_id is 'The org.';
comment on column syncwell.queue_defaults.source is 'Setting queue.source.';
comment on column syncwell.queue_defaults.max_attempts is 'Setting queue.max_attempts.';
comment on column syncwell.queue_defaults.max_payload is 'Setting queue.max_payload.';
comment on column syncwell.queue_defaults.notifies is 'Setting queue.notify.';
comment on column syncwell.queue_defaults.varies is
'Whether this does not do: some source or platform has a value of its own, or the source is no name.';

create table syncwell.queue_locks (
  org_id uuid not null references syncwell.orgs on delete cascade,
  kind text not null constraint queue_locks_kind_is_known check (kind in ('twins', 'order')),
  stripe integer not null,
  primary key (org_id, kind, stripe)
);
comment on table syncwell.queue_locks is
'What _lock_queue() locks: rows, since any login may hold an advisory lock. 64 of each kind an org, so that a large '
'batch does not fill the server''s lock table.';
comment on column syncwell.queue_locks.org_id is 'The org.';
comment on column syncwell.queue_locks.kind is
'twins: operations that replace each other; order: those that are done one after the other.';
comment on column syncwell.queue_locks.stripe is '0 to 63: the hashes that share a lock.';

create type syncwell.queue_request as (
  place integer,
  user_id uuid,
  source text,
  operation_type text,
  payload jsonb,
  dedup_key text,
  dedup_mode text,
  priority smallint,
  run_at timestamptz,
  max_attempts integer,
  ordering_key text,
  depends_on uuid array,
  platform text,
  device_id text
);
comment on type syncwell.queue_request is 'An operation as it is sent, checked and with its defaults.';
