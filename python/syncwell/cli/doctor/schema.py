"""The schema: is it there, in which version, may this login use it, and what it says of itself."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal, LiteralString

import psycopg
from psycopg.rows import dict_row

from syncwell import migrate as runner
from syncwell.cli.doctor.finding import Finding, fine, unchecked
from syncwell.cli.session import Row, Session
from syncwell.errors import SyncwellError, from_psycopg

ROLES = ("owner", "client", "reader", "worker", "gateway", "operator")

_STANDING: LiteralString = """
select
  to_regnamespace('syncwell') is not null as installed,
  coalesce(has_schema_privilege(to_regnamespace('syncwell'), 'usage'), false) as usable,
  array(
    select 'syncwell_' || wanted.name from unnest(%s::text[]) as wanted (name)
    where to_regrole('syncwell_' || wanted.name) is null
  ) as missing_roles,
  array(
    select 'syncwell_' || wanted.name from unnest(%s::text[]) as wanted (name)
    where pg_has_role(to_regrole('syncwell_' || wanted.name), 'member')
  ) as roles,
  exists (select from pg_extension where extname = 'pg_cron') as has_cron
"""
# only for whom the schema is open: for others it is an error to look anything up in it
_RIGHTS: LiteralString = """
select
  coalesce(has_table_privilege(to_regclass('syncwell.schema_migrations'), 'select'), false) as version,
  coalesce(has_function_privilege(to_regprocedure('syncwell.verify_session()'), 'execute'), false) as session,
  coalesce(has_function_privilege(to_regprocedure('syncwell.verify_install()'), 'execute'), false) as installation
"""

Part = Literal["session", "installation"]
# what to ask, what to say where the login may not, and what cures that
_PARTS: dict[Part, tuple[LiteralString, str, str]] = {
    "session": (
        "select check_name, severity, subject, detail, remedy from syncwell.verify_session()",
        "this login may not have its session checked",
        "syncwell migrate; and grant the login a role of syncwell",
    ),
    "installation": (
        "select check_name, severity, subject, detail, remedy from syncwell.verify_install()",
        "this login may not have installation and maintenance checked",
        "syncwell doctor -d postgresql://<a login with role syncwell_operator>@…",
    ),
}

# why what the database's own checks find matters
_WHY = {
    "identity": "What a login is bound as decides whom it sees and records for; nobody gets SW001 from every function.",
    "logins": "A login is what it is bound as, and needs the grants for it.",
    "session": "Every session of this login begins like this.",
    "objects": "What is not as the migrations made it may be wrong in ways that nobody tested.",
    "grants": "Somebody can do more, or less, than they should.",
    "row level security": "It is what keeps one org's rows from another.",
    "ownership": "Whoever owns the schema can change every function in it.",
    "roles": "Whoever can become the owner sees every org.",
    "partitions": "Rows without a partition go to the default one, which slows everything down.",
    "tables": "Tables and indexes that are not cared for get slower and larger.",
    "maintenance": "Without it partitions run out, nothing is counted, and nothing old is deleted.",
    "rollups": "Metrics and reports miss what is not counted yet.",
    "evaluation": "Without it no issue is opened or resolved, and nobody is alerted.",
    "tracking": "Changes of a table that is not tracked never reach the devices.",
    "self-check": "What could not be checked may be anything.",
}


def look(connection: psycopg.Connection[Any], ask: Session) -> Generator[Finding]:
    """Everything about the schema that this login can find out."""
    (standing,) = ask_plainly(connection, _STANDING, [list(ROLES), list(ROLES)])
    if not standing["installed"]:
        yield _missing(standing["missing_roles"])
        return
    if not standing["usable"]:
        yield _locked_out(connection.info.user)
        return
    (may,) = ask_plainly(connection, _RIGHTS, [])
    yield from _version(connection, tells=may["version"])
    yield fine("login roles", ", ".join(standing["roles"])) if standing["roles"] else _locked_out(connection.info.user)
    yield from _of_database(connection, "session", tells=may["session"])
    yield from _acting(ask)
    yield from _of_database(connection, "installation", tells=may["installation"])
    if not may["installation"]:
        yield from _evaluated(ask)
    yield _scheduler(there=standing["has_cron"])


def ask_plainly(connection: psycopg.Connection[Any], query: LiteralString, parameters: list[object]) -> list[Row]:
    """Rows of the catalog, whatever the search path."""
    with connection.transaction(force_rollback=True), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("set local search_path = pg_catalog, pg_temp")
        return cursor.execute(query, parameters).fetchall()


def _missing(roles: list[str]) -> Finding:
    return Finding(
        check="schema",
        severity="error",
        found="this database has no syncwell" + (f"; the cluster lacks {', '.join(roles)}" if roles else ""),
        why="Runs, progress and health are kept in a schema of this database.",
        cure=f"syncwell migrate{' --roles' if roles else ''}; without rights to: syncwell bundle --roles > install.sql",
    )


def _locked_out(login: str) -> Finding:
    return Finding(
        check="login roles",
        severity="error",
        found=f"login {login} has no role of syncwell",
        why="Without one it may not use the schema at all.",
        cure=f'grant syncwell_reader, syncwell_worker to "{login}"; as a gateway: grant syncwell_gateway to "{login}"',
    )


def _version(connection: psycopg.Connection[Any], *, tells: bool) -> Generator[Finding]:
    if not tells:
        yield unchecked("version", "this login may not read which migrations are applied", "Grant it syncwell_reader.")
        return
    try:
        standing = runner.status(connection)
    except SyncwellError as error:
        yield Finding(check="version", severity="error", found=error.message, why=error.detail, cure=error.hint)
        return
    except psycopg.Error as error:
        yield unchecked("version", f"it cannot be read: {error.diag.message_primary or error}")
        return
    names = {
        state: ", ".join(f"{one.id} {one.name}" for one in standing if one.state == state)
        for state in ("pending", "edited", "unknown")
    }
    if names["pending"]:
        yield Finding(
            check="version",
            severity="error",
            found=f"the schema is older than this package: {names['pending']} not applied",
            why="This package calls functions that the schema does not have.",
            cure="syncwell migrate --backup before.sql",
        )
    if names["unknown"]:
        yield Finding(
            check="version",
            severity="warning",
            found=f"the schema is newer than this package, which does not know {names['unknown']}",
            why="This package may not understand what the schema answers.",
            cure="pip install --upgrade syncwell",
        )
    if names["edited"]:
        yield Finding(
            check="version",
            severity="error",
            found=f"what was applied is not what this package has: {names['edited']}",
            why="An applied migration never changes: nobody knows what this schema is.",
            cure="Install the version of syncwell that it was applied by, or restore a backup.",
        )
    if not any(names.values()):
        yield fine("version", f"{len(standing)} applied, the last one {standing[-1].id} {standing[-1].name}")


def _of_database(connection: psycopg.Connection[Any], part: Part, *, tells: bool) -> Generator[Finding]:
    """What the database itself finds wrong with this session, or with the installation."""
    query, not_told, cure = _PARTS[part]
    if not tells:
        yield unchecked(part, not_told, cure)
        return
    try:
        rows = ask_plainly(connection, query, [])
    except psycopg.Error as error:
        yield unchecked(part, f"the check failed: {error.diag.message_primary or error}", "syncwell verify")
        return
    for row in rows:
        if row["check_name"] == "schema version":
            continue
        wrong = row["severity"] != "ok"
        yield Finding(
            check=row["check_name"],
            severity=row["severity"],
            found=": ".join(text for text in (row["subject"], row["detail"]) if text),
            why=_WHY.get(row["check_name"]) if wrong else None,
            cure=row["remedy"] if wrong else None,
        )


def _acting(ask: Session) -> Generator[Finding]:
    """Whether whoever --as-user or --as-org names can be acted for."""
    if not ask.acts:
        return
    try:
        (caller,) = ask.ask("who_am_i")
    except psycopg.Error as error:
        known = from_psycopg(error)
        message = (known.message if known else error.diag.message_primary) or "it failed"
        yield Finding(
            check="acting",
            severity="error",
            found=f"this login cannot act for that one: {message}",
            why="Every call that a gateway makes for somebody fails like this.",
            cure=(known.hint if known else error.diag.message_hint) or "See `select * from syncwell.who_am_i()`.",
        )
    else:
        yield fine("acting", f"as {caller['role']} of org {caller['org_id']}")


def _evaluated(ask: Session) -> Generator[Finding]:
    """Whether health is evaluated, as everybody sees it who sees streams."""
    try:
        rows = ask.ask("get_sync_health_status")
    except psycopg.Error:
        return
    if any("unevaluated" in row["overlays"] for row in rows):
        yield Finding(
            check="evaluation",
            severity="warning",
            found="health was not evaluated lately",
            why=_WHY["evaluation"],
            cure="Every minute, as an operator: syncwell maintain",
        )


def _scheduler(*, there: bool) -> Finding:
    if there:
        return fine("extensions", "pg_cron is there: select syncwell.schedule_maintenance()")
    return fine("extensions", "none, and none is needed: a crontab can run `syncwell maintain`")
