"""The company in which the examples of sql/REFERENCE.md run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from harness.modules import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database


# Who runs an example: the first whose role may call the function; None of them: the owner.
LOGINS = {"gateway": "gateway", "client": "a_admin", "reader": "a_admin", "worker": "a_service", "operator": "operator"}
# Examples that answer with no row where all is well, and those that need what is not here.
EMPTY = {
    "check_tracking": "every write is seen",
    "drop_old_partitions": "nothing is old",
    "run_maintenance": "a procedure returns nothing",
    "get_table_health": "all tables are well",
}
REFUSED = {"schedule_maintenance": "SW802", "unschedule_maintenance": "SW802"}

ACME, ANN, BEN = (
    "5f0c1f4e-7c1d-4c57-9a53-6a1b5e0f7a11",
    "0d9a2b7c-51f6-4c0e-8a5d-3f1f6f0c9e01",
    "7b1e5d3a-9c44-4f0b-9d62-2a8e4c7f1b02",
)

# (login, statement), each in a session of its own; no login: the superuser, who may move the clock.
_FACTS: list[tuple[str | None, str]] = [
    (None, f"select syncwell.register_org('Acme', '{ACME}', 'Europe/Berlin')"),
    (None, f"select syncwell.register_user('{ACME}', '{ANN}', 'admin', 'Ann')"),
    (None, f"select syncwell.register_user('{ACME}', '{BEN}', 'member', 'Ben')"),
    (None, f"select syncwell.bind_login('a_admin', 'user', '{ACME}', '{ANN}')"),
    (None, f"select syncwell.bind_login('a_service', 'service', '{ACME}')"),
    (None, f"select syncwell.bind_login('postgres', 'service', '{ACME}')"),
    (None, "select syncwell.set_setting('runs.max_runtime', '3 hours', 'todoist')"),
    (None, "select syncwell.set_feature_flag('new_dashboard', true)"),
    # runs: one that went well, three that failed, a webhook, one whose worker died
    ("a_service", "select c.* from syncwell.record_sync_start('calls') r, "
                  "syncwell.record_sync_complete(r.event_id, r.lease, 10) c"),
    *[("a_service", "select c.* from syncwell.record_sync_start('calls') r, "
                    "syncwell.record_sync_error(r.event_id, r.lease, 'timed out', 'ETIMEDOUT') c")] * 3,
    ("a_service", "select c.* from syncwell.record_sync_start('shop', 'webhook') r, "
                  "syncwell.record_sync_complete(r.event_id, r.lease, 1) c"),
    ("a_service", "select syncwell.schedule_sync_retry(syncwell.create_sync_error('shop', 'no answer'), '0 s')"),
    (None, "set syncwell.fake_now = '{days ago}'; select * from syncwell.record_sync_start('mail');"
                  "select * from syncwell.report_sync_progress('products', 1, 9)"),
    (None, "set syncwell.fake_now = '{hours ago}';"
                  "select * from syncwell.report_sync_progress('orders-2026-03-01', 1, 10)"),
    # issues and alerts, and a channel whose alert died
    ("a_service", "select * from syncwell.evaluate_health()"),
    ("a_service", "select f.* from syncwell.claim_alerts('hook') a, "
                  "syncwell.fail_alerts(array[a.alert_id], a.lease_token, 'gone', p_retryable => false) f"),
    ("a_service", "select syncwell.silence('{\"source\": \"shop\"}', now() + interval '1 day')"),
    ("a_service", "select syncwell.maintenance_window(now() + interval '1 day', now() + interval '2 days')"),
    # operations: one that waits, one that is dead
    ("a_admin", "select * from syncwell.enqueue_operation('send_sms', '{\"to\": \"1\"}', p_max_attempts => 1)"),
    ("a_service", "select f.* from syncwell.claim_operations(1) c, "
                  "syncwell.fail_operation(c.operation_id, c.lease_token, 'no such number', p_http_status => 404) f"),
    ("a_admin", "select * from syncwell.enqueue_operation('send_sms', '{\"to\": \"2\"}')"),
    # sessions: two pairs that are one, the first one merged, and one of Ben's, who was looked at
    ("a_admin", "select * from syncwell.start_session('IHHT_1', '2026-03-01 07:00Z')"),
    ("a_admin", "select * from syncwell.start_session('ihht-1', '2026-03-01 07:00Z')"),
    ("a_service", "select * from syncwell.merge_duplicate_sessions(false)"),
    ("a_admin", "select * from syncwell.start_session('IHHT_1736300000_ab12', '2026-03-01 08:00Z')"),
    ("a_admin", "select * from syncwell.start_session('ihht-1736300000-ab12', '2026-03-01 08:00Z')"),
    ("a_service", f"select * from syncwell.start_session('b', '2026-03-01 08:00Z', p_user_id => '{BEN}')"),
    ("a_admin", f"select * from syncwell.get_recent_sessions('{BEN}')"),
    # a table that devices sync, with a conflict and a record that it refused
    (None, "create schema app; create table app.todos (id text primary key, user_id uuid, title text not null);"
           "grant usage on schema app to a_admin, operator, syncwell_owner; grant all on app.todos to a_admin;"
           "alter table app.todos owner to operator"),
    ("operator", "select syncwell.register_synced_table('app.todos', p_conflict_policy => 'last_write_wins')"),
    (None, f"insert into app.todos values ('t1', '{ANN}', 'bread'), ('t2', '{ANN}', 'salt')"),
    ("a_admin", "create temp table cursor as select syncwell.sync_pull(p_device_id => 'phone-1') ->> 'timestamp' as at;"
                "commit; update app.todos set title = 'rye bread' where id = 't1';"
                "select syncwell.sync_push('{\"todos\": {\"created\": [{\"id\": \"bad\", \"title\": null}],"
                " \"deleted\": [], \"updated\": [{\"id\": \"t1\", \"title\": \"toast\"}]}}', at::bigint, 'phone-1')"
                " from cursor"),
    ("a_service", "select * from syncwell.get_or_compute_preview("
                  "'shopify', '[]', '[{\"id\": 1}]', p_params => '{\"shop\": \"munich\"}')"),
]  # fmt: skip


@contextlib.contextmanager
def company(database: Database) -> Iterator[None]:
    """Make it; its role belongs to the cluster and goes."""
    with database.connect(autocommit=True) as admin:
        admin.execute("create role todoist_worker")
        row = admin.execute("select now() - interval '2 days', now() - interval '2 hours'").fetchone()
        assert row is not None
    days, hours = map(str, row)
    for login, statement in _FACTS:
        with database.connect(login, autocommit=True) as connection:
            for part in build.statements(statement.replace("{days ago}", days).replace("{hours ago}", hours)):
                connection.execute(part.text.encode())
    yield
    with database.connect(autocommit=True) as admin:
        admin.execute("drop role todoist_worker")
