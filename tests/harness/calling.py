"""Calls of every function that is granted, with the ids that org B of two_orgs.py has, or names like them.

What this file does not know yet, it asks for: a new parameter needs a value.
"""

from __future__ import annotations

import hashlib
import itertools
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.two_orgs import World

# Those whom a function that is granted to somebody must serve.
RIGHTFUL = (("b_member", None), ("b_admin", None), ("b_service", None), ("gateway", "b_admin"), ("operator", None))
# Granted functions that need more than their arguments, with the reason.
CANNOT_BE_CALLED: dict[str, str] = {
    "_import_batch": "a part of import_existing, which is called",
    "ingest_batch": "takes a source or a session, never both; SEEDS call it",
    "run_maintenance": "a procedure that commits; test_ops_maintenance.py calls it",
    "schedule_maintenance": "needs pg_cron; test_ops_cron.py has it",
    "unschedule_maintenance": "needs pg_cron; test_ops_cron.py has it",
}

FUNCTIONS = """
select
  regexp_replace(format('%%s.%%s', p.pronamespace::regnamespace, p.proname), '^syncwell[.]', ''),
  p.prokind::text,
  p.prosecdef or p.proname !~ '^_' and p.pronamespace = 'syncwell'::regnamespace,
  coalesce((
    select jsonb_agg(jsonb_build_object(
      'name', coalesce(p.proargnames[n], ''),
      'type', replace(format_type(p.proargtypes[n - 1], null), 'anyelement', 'text'),
      'optional', n > p.pronargs - p.pronargdefaults
    ) order by n)
    from generate_series(1, p.pronargs) as n
  ), '[]')
from pg_proc as p
where p.pronamespace in ('syncwell'::regnamespace, 'syncwell_tables'::regnamespace)
  and p.prorettype <> 'trigger'::regtype and has_function_privilege(%s, p.oid, 'execute')
order by 1
"""

PARAMS = '{{"page": "{}"}}'
PUSHED = '{{"notes": {{"created": [], "updated": [{{"id": "{}", "body": "mine"}}], "deleted": []}}}}'


def cache_key(params: str) -> str:
    """What claim_preview() and the like make of these parameters."""
    return "custom:" + hashlib.sha256(params.encode()).hexdigest()


# A value by a parameter's name, else by its type. Of (theirs, nobody's) pairs the first is org B's.
OF_B: dict[str, tuple[str, str]] = {
    "p_source": ("SECRET-source", "NOBODY-source"),
    "p_sync_id": ("SECRET-sync", "NOBODY-sync"),
    "p_job_id": ("SECRET-job", "NOBODY-job"),
    "p_run_key": ("SECRET-key", "NOBODY-key"),
    "p_device_id": ("SECRET-device", "NOBODY-device"),
    "p_dedup_key": ("SECRET-key", "NOBODY-key"),
    "p_bucket": ("SECRET-source", "NOBODY-source"),
    "p_request_id": ("SECRET-request", "NOBODY-request"),
    "p_record_id": ("SECRET-record", "NOBODY-record"),
    "p_channel": ("SECRET-channel", "NOBODY-channel"),
    "p_entity_type": ("SECRET-type", "NOBODY-type"),
    "p_flag": ("SECRET-flag", "NOBODY-flag"),
    "p_cache_key": (cache_key(PARAMS.format("SECRET")), cache_key(PARAMS.format("NOBODY"))),
    "p_params": (PARAMS.format("SECRET"), PARAMS.format("NOBODY")),
    "p_session": ("SECRET-session", "NOBODY-session"),
    "p_local_id": ("SECRET-session", "NOBODY-session"),
    "p_document": ('{"local_id": "SECRET-session"}', '{"local_id": "NOBODY-session"}'),
    "p_changes": (PUSHED.format("SECRET-record"), PUSHED.format("NOBODY-record")),
}
# Where a cursor is meant, org B's is given.
CURSORS = {"p_last_pulled_at", "p_cursor"}
# Which ids of org B a uuid parameter is given; a name that is not here is given every id that org B has.
IDS_OF_B: dict[str, list[str]] = {
    "": ["users.user_id", "orgs.org_id"],
    "p_scope": ["users.user_id", "orgs.org_id"],
    "p_org": ["orgs.org_id"],
    "p_org_id": ["orgs.org_id"],
    "p_user_id": ["users.user_id"],
    "p_event_id": ["sync_events.id"],
    "p_error_id": ["sync_errors.id"],
    "p_retry_of": ["sync_errors.id"],
    "p_lease": ["sync_events.lease"],
    "p_conflict_id": ["sync_conflicts.id"],
    "p_operation_id": ["sync_queue.id", "sync_queue_archive.id"],
    "p_operation_ids": ["sync_queue.id", "sync_queue_archive.id"],
    "p_depends_on": ["sync_queue.id"],
    "p_lease_token": [
        "sync_queue.lease_token",
        "sync_queue_archive.lease_token",
        "preview_claims.lease_token",
        "alert_deliveries.lease_token",
    ],
    "p_alert_ids": ["alert_outbox.id"],
    "p_preview_id": ["sync_preview_cache.id"],
    "p_before": ["access_log.id"],
    "p_merge_id": ["session_merges.merge_id"],
    "p_request_id": ["sync_slots.request_id"],
    "p_retry_lease": ["sync_errors.retry_lease", "sync_events.lease"],
    "p_issue_id": ["sync_issues.id"],
    "p_silence_id": ["silences.id"],
    "p_window_id": ["maintenance_windows.id"],
    "p_stream_id": ["streams.stream_id"],
    "p_stream_ids": ["streams.stream_id"],
}
BY_NAME: dict[str, list[str]] = {
    "p_period": ["hour"],
    "p_table": ["streams", "sync_events", "sync_errors", "sync_progress", "notes", "app.notes"],
    "p_choice": ["client"],
    "p_scope_column": ["user_id"],
    "p_id_column": ["id"],
    "p_org_column": ["org_id"],
    "p_conflict_policy": ["reject"],
    "p_key": ["runs.failure_threshold"],
    "p_value": ["3"],
    "p_role": ["member"],
    "p_login_role": ["a_member"],
    "p_kind": ["jwt", "delta", "reading", "sessions"],
    "p_operations": ['[{"operation_type": "x"}]'],
    "p_depth": ["1"],
    "p_mode": ["mute", "ignore"],
    "p_starts_at": ["today"],
    "p_ends_at": ["tomorrow"],
    "p_until": ["tomorrow"],
    "p_metrics": ['{"record_count": 1}'],
    "p_severity": ["critical"],
    "p_rows": ['[{"occurred_at": "2026-03-01T11:00:00Z", "spo2": 97}]'],
    "p_query": ["select 1 as key where false"],
    "p_import": ["x"],
    "p_duty": ["analyze"],
    "p_what": ["runs"],
    "p_to": ["tomorrow"],
    "p_action": ["batch_process"],
    "p_page_token": ["2030-01-01T00:00:00.000000Z_00000000-0000-4000-8000-000000000000"],
    "p_scope": ["detailed_monitoring"],
    "p_reason": ["manual"],
    "p_network": ["wifi"],
    "p_battery": ["50"],
    "p_sync_type": ["custom", "incremental"],
    "p_current": ["[]"],
    "p_incoming": ["[]"],
    "p_records": ["[]"],
    "p_delta": ['{"new": [], "updated": [], "deleted": []}'],
    "p_data_source": ["manual"],
    "p_platform": ["ios"],
    "p_expected": ['{"reading": 1}'],
}
BY_TYPE: dict[str, str] = {
    "text": "x",
    "name": "x",
    "integer": "1",
    "bigint": "1",
    "numeric": "1",
    "boolean": "true",
    "interval": "01:00",
    "json": "{}",
    "jsonb": "{}",
    "pg_snapshot": "3:3:",
    "regclass": "app.notes",
    "regtype": "text",
    "timestamp with time zone": "2026-01-01 00:00+00",
    "syncwell.stream_facts": "(01:00,,UTC,,,,,,,,,0,,,,,,,,,,,,)",
}


@dataclass(frozen=True)
class Argument:
    name: str
    type: str
    value: str
    nobodys: str


def candidates(world: World, name: str, type_name: str) -> list[Argument]:
    """The values of org B that this parameter may be given, each with one of the same kind that nobody has."""
    if type_name in ("uuid", "uuid[]"):
        keys = IDS_OF_B.get(name, list(world.ids))
        values = dict.fromkeys(str(value) for key in keys for value in world.ids.get(key, []))
        assert values, f"org B has no id for parameter {name}: add to SEEDS what makes one"
        shape = "{}" if type_name == "uuid" else "{{{}}}"
        return [Argument(name, type_name, shape.format(value), shape.format(uuid.uuid4())) for value in values]
    if name in OF_B:
        return [Argument(name, type_name, *OF_B[name])]
    if name in CURSORS:
        return [Argument(name, type_name, world.cursor, world.cursor[::-1])]
    by_type = "{}" if type_name.endswith("[]") else BY_TYPE.get(type_name)
    if by_type is None and type_name.startswith("syncwell."):  # a row of NULLs
        (row,) = world.rows("select repeat(',', relnatts - 1) from pg_class where oid = %s::regclass", type_name)
        by_type = f"({row[0]})"
    values = dict.fromkeys(BY_NAME.get(name, [] if by_type is None else [by_type]))
    assert values, f"no value is known for parameter {name} {type_name}: add to BY_NAME or BY_TYPE"
    return [Argument(name, type_name, value, value) for value in values]


def variants(world: World, parameters: list[dict[str, Any]]) -> Iterator[list[Argument]]:
    """All that name something of org B together, then without the user, and what is needed for a call in any case."""
    pointing = [p for p in parameters if p["type"] in ("uuid", "uuid[]") or p["name"] in {*OF_B, *CURSORS}]
    seen = []
    for left_out in ({"p_user_id", "p_retry_of", "p_retry_lease"}, {"p_user_id"}, set(), {p["name"] for p in pointing}):
        chosen = [p for p in parameters if not p["optional"] or (p in pointing and p["name"] not in left_out)]
        if chosen not in seen:
            seen.append(chosen)
            values = [candidates(world, p["name"], p["type"]) for p in chosen]
            yield from (list(arguments) for arguments in itertools.product(*values))


def qualified(name: str) -> sql.Identifier:
    """schema.name, or a name in schema syncwell."""
    return sql.Identifier(*(name.split(".") if "." in name else ("syncwell", name)))


def call(function: str, kind: str, arguments: list[Argument], *, nobodys: bool = False) -> sql.Composed:
    given = [
        sql.SQL("{}{}::{}").format(
            sql.SQL("{} => ").format(sql.Identifier(argument.name)) if argument.name else sql.SQL(""),
            sql.Literal(argument.nobodys if nobodys else argument.value),
            sql.SQL(argument.type),
        )
        for argument in arguments
    ]
    verb = "call {}({})" if kind == "p" else "select * from {}({})"
    return sql.SQL(verb).format(qualified(function), sql.SQL(", ").join(given))
