"""Two orgs with rows in every table, org B's full of the word SECRET: for tests that go through the whole catalog."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from harness.cluster import Tenants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster

ORG_B = Tenants.org("b")
SECRET = "SECRET"  # noqa: S105

# A table of the application as it should be: its own policies, and a key that begins with the owner, since an id that
# is unique over all users tells everybody which ids are taken.
APPLICATION = """
create schema app;
grant usage on schema app to public, syncwell_owner;
create table app.notes (org_id uuid, user_id uuid, id text, body text, primary key (user_id, id));
alter table app.notes owner to operator;
alter table app.notes enable row level security;
create policy own on app.notes using (user_id = (select syncwell.current_user_id()));
grant select, insert, update, delete on app.notes to public;
select syncwell.register_synced_table('app.notes', p_columns => '{body}', p_conflict_policy => 'server_wins');
"""
# Each in a transaction of its own: a pull, and a push under its cursor.
SYNCS = (
    "select (syncwell.sync_pull(p_device_id => 'SECRET-device') ->> 'timestamp')::bigint",
    """
    select syncwell.sync_push(
      p_changes => '{"notes": {"created": [{"id": "SECRET-record", "body": "SECRET"}], "updated": [], "deleted": []}}',
      p_last_pulled_at => %s, p_device_id => 'SECRET-device', p_request_id => 'SECRET-request'
    ) ->> 'success'
    """,
    "select (syncwell.sync_pull(p_last_pulled_at => %s, p_device_id => 'SECRET-device') ->> 'timestamp')::bigint",
)

SEEDS = """
select syncwell.register_stream(p_source => 'SECRET-source', p_expected_interval => '1 hour');
select syncwell.record_sync_start(
  p_source => 'SECRET-source', p_sync_token => 'SECRET-token', p_run_key => 'SECRET-key', p_device_id => 'SECRET-device'
);
select syncwell.record_sync_error(
  p_event_id => event_id, p_lease => lease, p_message => 'SECRET-message', p_code => 'SECRET', p_http_status => 503
)
from syncwell.record_sync_start(p_source => 'SECRET-failing') as started;
select syncwell.record_sync_complete(p_event_id => event_id, p_lease => lease, p_items_processed => 7)
from syncwell.record_sync_start(p_source => 'SECRET-done') as started;
select syncwell.report_sync_progress(
  p_sync_id => 'SECRET-sync', p_job_id => 'SECRET-job', p_processed_count => 1, p_total_items => 10
);
select syncwell.complete_operations(array[o.operation_id], o.lease_token)
from syncwell.enqueue_operation('SECRET-done', '{"x": "SECRET"}', p_source => 'SECRET-source') as e
cross join lateral (select c.* from syncwell.claim_operations(1) as c where e.operation_id is not null) as o;
select syncwell.enqueue_operation(
  p_operation_type => 'SECRET-waiting', p_payload => '{"x": "SECRET"}', p_dedup_key => 'SECRET-key',
  p_depends_on => array[operation_id], p_device_id => 'SECRET-device'
)
from syncwell.enqueue_operation('SECRET-first', p_source => 'SECRET-source');
select count(*) from syncwell.claim_operations(1);
select syncwell.try_acquire('SECRET-source');
select syncwell.report_client_queue('SECRET-device', 7, p_source => 'SECRET-source');
select syncwell.update_sync_health_metrics(
  null, 'SECRET-source', '{"device_id": "SECRET-device", "network": "SECRET", "queue_depth": 7, "error_count": 7}'
);
select syncwell.log_sync_activity('batch_process', 'failed', 'SECRET-sync', 'order', 7, 7, 'SECRET-message');
select syncwell.grant_consent('detailed_monitoring');
-- of a source of which nothing runs: it is allowed
select syncwell.request_sync('SECRET-asked', 'manual', 'SECRET-device');
select syncwell.get_or_compute_preview(
  'custom', '[]', '[{"id": "SECRET-record", "name": "SECRET"}]', '{"page": "SECRET"}', p_sync_id => 'SECRET-sync'
);
select syncwell.claim_preview('custom', '{"page": "SECRET-claimed"}');
select syncwell.start_session('SECRET-session', p_source => 'SECRET-source', p_device_id => 'SECRET-device');
select syncwell.sync_session(
  '{"local_id": "SECRET-document", "metadata": {"x": "SECRET"}, '
  '"readings": [{"occurred_at": "2026-03-01T11:00:00Z", "spo2": 97}]}',
  p_device_id => 'SECRET-device'
);
select syncwell.complete_session('SECRET-session');
select syncwell.resolve_local_id('SECRET-type', 'SECRET-name', 'SECRET-device');
select syncwell.ingest_batch(
  'event',
  json_build_array(json_build_object(
    'external_id', 'SECRET-event', 'occurred_at', extract(epoch from now()) * 1000, 'session', 'SECRET-session',
    'payload', json_build_object('x', 'SECRET')
  )),
  'SECRET-source', p_device_id => 'SECRET-device'
);
select syncwell.ingest_batch(
  'reading',
  json_build_array(json_build_object(
    'occurred_at', extract(epoch from now()) * 1000, 'spo2', 97, 'local_id', 'SECRET-reading', 'x', 'SECRET'
  )),
  p_session => 'SECRET-session'
);
"""
# What ordinary calls do not leave behind.
SEEDS_AS_OWNER = """
insert into syncwell.settings (org_id, source, key, value)
values (%(org)s, 'SECRET-source', 'runs.failure_threshold', '3');
insert into syncwell.circuits (org_id, source, state, opened_at, cooldown, reopen_at)
values (%(org)s, 'SECRET-source', 'open', syncwell._now(), '1 min', syncwell._now());
insert into syncwell.sync_conflicts (
  org_id, id, user_id, device_id, scope, table_name, record_id, action, policy, outcome, server_record, client_record,
  occurred_at
)
values (
  %(org)s, gen_random_uuid(), %(user)s, 'SECRET-device', %(user)s, 'notes', 'SECRET-record', 'updated', 'server_wins',
  'server', '{"id": "SECRET-record", "body": "SECRET"}', '{"id": "SECRET-record", "body": "SECRET-pushed"}',
  syncwell._now()
);
insert into syncwell.sync_quarantine (
  org_id, id, user_id, device_id, table_name, record_id, action, record, error_code, reason, quarantined_at
)
values (
  %(org)s, gen_random_uuid(), %(user)s, 'SECRET-device', 'notes', 'SECRET-bad', 'updated', 'SECRET-pushed', '23514',
  'SECRET-reason', syncwell._now()
);
select syncwell.refresh_sync_metrics();
insert into syncwell.sync_horizons (scope, purged_below, raised_at) values (%(user)s, '3', syncwell._now());
select syncwell._learn_streams(%(org)s);
select syncwell._learn_volumes(%(org)s);
insert into syncwell.volume_baselines (
  org_id, series_id, stream_id, user_id, source, time_zone, learned_at, history_to, checked_to, finding, severity,
  since, drift_percent, evidence
)
select
  org_id, stream_id, stream_id, user_id, source, 'UTC', syncwell._now(), 'today', 'today', 'drop', 'critical', 'today',
  -77, '{"actual": 7}'
from syncwell.streams
where org_id = %(org)s
on conflict (org_id, series_id) do update
set finding = 'drop', severity = 'critical', since = 'today', drift_percent = -77, evidence = '{"actual": 7}';
select syncwell._evaluate_org(%(org)s);
insert into syncwell.blind_periods (org_id, starts_at, ends_at)
values (%(org)s, syncwell._now() - interval '2 hours', syncwell._now() - interval '1 hour');
insert into syncwell.silences (org_id, matcher, starts_at, ends_at, reason)
values (%(org)s, '{"source": "SECRET-source"}', syncwell._now(), 'tomorrow', 'SECRET-reason');
insert into syncwell.maintenance_windows (org_id, mode, source, user_id, starts_at, ends_at, reason)
values (
  %(org)s, 'mute', 'SECRET-source', %(user)s, 'tomorrow', 'tomorrow'::timestamptz + interval '1 h', 'SECRET-reason'
);
insert into syncwell.alert_routes (org_id, changed_at) values (%(org)s, syncwell._now())
on conflict do nothing;
insert into syncwell.alert_channels (org_id, channel, opened_at, seen_at, last_error)
values (%(org)s, 'SECRET-channel', syncwell._now(), syncwell._now(), 'SECRET-message')
on conflict do nothing;
insert into syncwell.alert_deliveries (
  org_id, alert_id, channel, fingerprint, status, attempts, next_attempt_at, lease_token, created_at, last_error
)
select
  org_id, id, 'SECRET-channel', fingerprint, status, 1, syncwell._now(), md5(org_id::text)::uuid, syncwell._now(),
  'SECRET-message'
from syncwell.alert_outbox
where org_id = %(org)s
on conflict do nothing;
insert into syncwell.feature_flags (org_id, flag, enabled) values (%(org)s, 'SECRET-flag', true);
insert into syncwell.access_log (org_id, id, login_role, user_id, role, function_name, subject)
values (%(org)s, syncwell._uuid7(syncwell._now()), 'SECRET-login', null, 'service', 'SECRET-function', %(user)s);
insert into syncwell.detail_erasures (org_id, user_id, requested_at) values (%(org)s, %(user)s, syncwell._now());
insert into syncwell.erasures (org_id, id, subject_hash, erased_at, erased_xid, login_role, erased_rows)
values (%(org)s, gen_random_uuid(), '\\x5e', syncwell._now(), pg_current_xact_id(), 'SECRET-login', 7);
insert into syncwell.session_merges (
  org_id, merge_id, user_id, kept_id, removed_id, reason, kept_before, kept_after, removed_session, moved, merged_at
)
select
  %(org)s, gen_random_uuid(), %(user)s, s.session_id, gen_random_uuid(), 'same_local_id', to_jsonb(s), to_jsonb(s),
  to_jsonb(s) || jsonb_build_object('session_id', gen_random_uuid(), 'local_id', 'SECRET-removed'), 1, syncwell._now()
from syncwell.sync_sessions as s
where s.org_id = %(org)s and s.user_id = %(user)s
limit 1;
insert into syncwell.session_merge_moves (org_id, merge_id, user_id, table_name, row_key, row_before)
select m.org_id, m.merge_id, m.user_id, 'local_ids', 'SECRET-moved', '{"local_id": "SECRET-moved"}'
from syncwell.session_merges as m
where m.org_id = %(org)s and m.user_id = %(user)s;
"""


@dataclass
class World:
    """The database with both orgs seeded, and what org B's ids are."""

    connection: psycopg.Connection[Any]
    state: str = ""
    ids: dict[str, list[Any]] = field(default_factory=dict)
    cursor: str = ""
    digests: str = ""
    """The question for the state of org B."""
    secrets: list[str] = field(default_factory=list)
    work: dict[str, int] = field(default_factory=dict)
    """By table: the rows that the last attempt has read."""

    def rows(self, query: str, *parameters: Any) -> list[Any]:
        return self.connection.execute(query.encode(), parameters).fetchall()


TENANT_TABLES = """
select c.relname
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attname = 'org_id'
where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname
"""


# As pg_stat_xact_all_tables has it, which takes long for what is asked thousands of times.
RELATIONS = """
create table test.relations as
select format('%s.%s', t.relnamespace::regnamespace, t.relname) as name, c.oid, c.oid = t.oid as is_table
from pg_class as t
left join pg_index as i on i.indrelid = t.oid
join pg_class as c on c.oid = any (array[i.indexrelid, t.oid])
where t.relnamespace in ('syncwell'::regnamespace, 'app'::regnamespace) and t.relkind = 'r'
group by 1, 2, 3;
grant select on test.relations to public;
"""
WORK = """
select x.name, sum(x.read)::bigint
from (
  select
    r.name,
    pg_stat_get_xact_tuples_fetched(r.oid)
    + case when r.is_table then pg_stat_get_xact_tuples_returned(r.oid) else 0 end as read
  from test.relations as r
) as x
where x.read > 0
group by x.name
"""


@contextmanager
def two_orgs(cluster: Cluster) -> Iterator[World]:
    with cluster.database() as database:
        world = World(database.connect())
        world.connection.execute(APPLICATION.encode())
        world.connection.commit()
        for org in ("a", "b"):
            world.connection.execute(f"set session authorization {org}_member".encode())
            word = SECRET if org == "b" else "OWN"
            world.connection.execute(SEEDS.replace(SECRET, word).encode())
            world.connection.commit()
            for sync in SYNCS:
                (answer,) = world.rows(sync.replace(SECRET, word), *[world.cursor][: sync.count("%s")])
                world.connection.commit()
                if answer != ("true",):
                    world.cursor = str(answer[0])
            world.connection.execute("reset session authorization")
            parameters = {"org": Tenants.org(org), "user": Tenants.id(f"{org}_member")}
            for statement in SEEDS_AS_OWNER.replace(SECRET, word).strip().split(";\n"):
                world.connection.execute(statement.encode(), parameters)
        # rolling up has emptied it for both
        world.connection.execute(
            "insert into syncwell.sync_metrics_dirty select org_id, stream_id, current_date from syncwell.streams"
        )
        world.connection.commit()
        for table in tenant_tables(world):
            for row in world.connection.cursor(row_factory=dict_row).execute(
                sql.SQL("select * from syncwell.{} where org_id = %s").format(sql.Identifier(table)), [ORG_B]
            ):
                for column, value in row.items():
                    if isinstance(value, uuid.UUID):
                        key = f"{table}.{column}"
                        world.ids[key] = [*world.ids.get(key, []), value]
        world.secrets = sorted({str(value) for values in world.ids.values() for value in values} | {SECRET, "Org B"})
        world.state = state_of_b(world)
        world.connection.rollback()
        world.connection.execute(RELATIONS.encode())
        # small tables would be read whole, whatever is looked for; rows that lie in an index alone are not counted
        world.connection.execute("set enable_seqscan = off; set enable_indexonlyscan = off")
        # before PostgreSQL 18 that makes plans seem so dear that each of them is compiled
        world.connection.execute("set jit = off")
        world.connection.commit()
        # what streams needs one snapshot; nothing else minds
        world.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield world


def tenant_tables(world: World) -> list[str]:
    return [name for (name,) in world.rows(TENANT_TABLES)]


# Tables that know of a row whose it is, and not of which org.
SCOPED_TABLES = {"syncwell.record_changes": "scope", "syncwell.sync_horizons": "scope", "app.notes": "user_id"}


def state_of_b(world: World) -> str:
    """Every row of org B with its version: a write that changes nothing is seen too."""
    if not world.digests:
        of_b = f"select '{ORG_B}'::uuid union all select user_id from syncwell.users where org_id = '{ORG_B}'"
        tables = {f"syncwell.{table}": "org_id" for table in tenant_tables(world)} | SCOPED_TABLES
        world.digests = " union all ".join(
            f"select '{table}', md5(string_agg(concat(t.xmin, t.*::text), ',' order by t.*::text))"
            f" from {table} as t where t.{column} in ({of_b})"
            for table, column in tables.items()
        )
    # in one order: appended in parallel, tables come as they are done
    return str(sorted(answers(world, "set local enable_seqscan = on", world.digests)[-1]))


def becoming(login: str, acts_as: str | None, *, forged: bool) -> sql.Composed:
    """What makes the session this login from here to the end of the transaction."""
    statements = [sql.SQL("set local session authorization {}").format(sql.Identifier(login))]
    set_config = sql.SQL("select set_config({}, {}, true)").format
    if login == "gateway":  # trusted to say who it is: nobody else writes SQL on its connections
        statements.append(sql.SQL("select syncwell.act_as({})").format(Tenants.id(acts_as or "")))
    else:
        if forged or login == "jwt":
            claims = json.dumps({"sub": str(Tenants.id(acts_as or "b_admin"))})
            statements.append(set_config("request.jwt.claims", claims))
        if forged:
            statements.append(set_config("syncwell.user_id", str(Tenants.id("b_admin"))))
            statements.append(set_config("syncwell.org_id", str(ORG_B)))
    return sql.SQL("; ").join(statements)


def answers(world: World, *statements: str | sql.Composable) -> list[list[Any]]:
    """The rows of each of the statements, which are sent as one message."""
    message = sql.SQL("; ").join(sql.SQL(one) if isinstance(one, str) else one for one in statements)
    return [cursor.fetchall() for cursor in world.connection.execute(message).results() if cursor.description]
