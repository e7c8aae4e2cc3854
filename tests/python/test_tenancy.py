"""No login reaches another org: every table, view and function of the catalog, tried by every kind of login.

Org B is full of the word SECRET. Each login of org A, with forged settings and claims, reads and writes every table and
calls every function it may with org B's ids, and then with ids that nobody has: both must look the same to it and read
as many rows, so that the time they take tells nothing either, nothing of org B may come back, and org B must stay as it
was. What is generated for a synced table of the application counts too. What harness/two_orgs.py and harness/calling.py
do not know yet is asked for: a new table needs seeds, a new parameter a value.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from harness import Tenants
from harness.calling import CANNOT_BE_CALLED, FUNCTIONS, RIGHTFUL, call, qualified, variants
from harness.two_orgs import (
    ORG_B,
    SCOPED_TABLES,
    SECRET,
    WORK,
    answers,
    becoming,
    state_of_b,
    tenant_tables,
)

if TYPE_CHECKING:
    from harness.calling import Argument
    from harness.two_orgs import World

# Logins that must see nothing of org B, and how each comes to be whom it is; all the others are forged on top of it.
STRANGERS: dict[str, str | None] = {
    "a_member": None,
    "a_analyst": None,
    "a_admin": None,
    "a_service": None,
    "a_climber": None,
    "nobody_login": None,
    "jwt": "a_admin",
    "gateway": "a_admin",
}
# What a login may do to another org, with the reason.
MEANT_TO_REACH: dict[tuple[str, str], str] = {
    ("gateway", "act_as"): "a gateway chooses for whom it acts",
    ("gateway", "act_as_org"): "a gateway chooses for whom it acts",
}
# Where rows are found before their org is compared: how many, and why that is.
FOUND_FIRST: dict[str, tuple[int, str]] = {
    "syncwell.users": (1, "an identity begins with the id of a user alone, which is unique over all orgs"),
    "syncwell.alert_deliveries": (100, "a lease token is found by itself; it is random, and as good as a password"),
}


class OtherOrgChangedError(AssertionError):
    """A stranger's statement changed a row of org B."""


def attempt(world: World, who: tuple[str, str | None], query: sql.Composable, *, stranger: bool = True) -> Any:
    """The rows as text, or the error, in a transaction that is rolled back; a stranger must leave org B as it was."""
    try:
        before = dict(answers(world, becoming(*who, forged=stranger), "savepoint before", WORK)[-1])
        error, wrote = None, False
        try:
            cursor = world.connection.execute(query)
            answer = [str(row) for row in cursor] if cursor.description else []
        except psycopg.Error as caught:
            error = caught
            (after,) = answers(world, "rollback to savepoint before", WORK)
        else:
            after, [(wrote,)] = answers(
                world, WORK, "reset session authorization", "select pg_current_xact_id_if_assigned() is not null"
            )
        world.work = {table: read - before.get(table, 0) for table, read in after if read > before.get(table, 0)}
        if error is not None:
            return error
        if stranger and wrote and state_of_b(world) != world.state:
            raise OtherOrgChangedError(f"{who[0]} changed org B by {text(world, query)}")
        return answer
    finally:
        world.connection.rollback()


def text(world: World, query: sql.Composable) -> str:
    return query.as_string(world.connection)


def texts(error: psycopg.Error) -> list[str | None]:
    """What a client is told: SQLSTATE, message, detail, hint."""
    diagnosis = error.diag
    return [diagnosis.sqlstate, diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint]


def leaks(world: World, answer: Any, said: str) -> list[str]:
    """What of org B is in an answer, other than what the question said itself."""
    shown = " ".join(filter(None, texts(answer))) if isinstance(answer, psycopg.Error) else str(answer)
    return [secret for secret in world.secrets if secret in shown and secret not in said]


# --- tables and views --------------------------------------------------------------------------------------------


def test_every_table_is_seeded_for_both_orgs(world: World) -> None:
    tables = {f"syncwell.{table}": "org_id" for table in tenant_tables(world)} | SCOPED_TABLES
    empty = [
        f"{table} of org {org}"
        for table, column in tables.items()
        for org in ("a", "b")
        if not world.rows(
            f"select 1 from {table} where {column} in (%s, %s) limit 1", Tenants.org(org), Tenants.id(f"{org}_member")
        )
    ]
    assert not empty, f"add to SEEDS or SEEDS_AS_OWNER rows of: {', '.join(empty)}"


def granted(world: World, login: str, privilege: str) -> list[tuple[str, list[str]]]:
    """Tables, partitions and views, with their schema, and the columns for which the login has this privilege."""
    return world.rows(
        """
        select format('%%s.%%s', c.relnamespace::regnamespace, c.relname), array_agg(a.attname::text order by a.attnum)
        from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace in ('syncwell'::regnamespace, 'syncwell_tables'::regnamespace)
          and c.relkind in ('r', 'p', 'v') and has_column_privilege(%s, c.oid, a.attnum, %s)
        group by c.relnamespace, c.relname order by 1
        """,
        login,
        privilege,
    )


def names(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


@pytest.mark.parametrize("login", STRANGERS)
def test_no_row_of_another_org_is_read(world: World, login: str) -> None:
    for table, columns in granted(world, login, "select"):
        query = sql.SQL("select {} from {}").format(names(columns), qualified(table))
        answer = attempt(world, (login, STRANGERS[login]), query)
        assert not leaks(world, answer, ""), f"{login} sees in {table}: {leaks(world, answer, '')}"
        assert not isinstance(answer, psycopg.Error), f"{table} is granted to {login} and cannot be read: {answer}"


def test_reading_finds_the_own_rows(world: World) -> None:
    """Without this, the test above would pass where nobody sees anything."""
    unseen = [
        table
        for table, columns in granted(world, "a_analyst", "select")
        if (table.removeprefix("syncwell.") in tenant_tables(world) or table in SCOPED_TABLES)
        and not attempt(
            world,
            ("a_analyst", None),
            sql.SQL("select {} from {}").format(names(columns), qualified(table)),
        )
    ]
    assert unseen == []


# What a member sees of a table whose rows are no user's.
BY_OTHERS = {
    "circuits": "source in (select source from syncwell.streams where user_id is null or user_id = %(user)s)",
}
# The policies by which rows are read, and whether a row may be of no user.
ROWS_OF = """
select
  c.relname, p.polname,
  exists (select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'user_id' and not a.attnotnull)
from pg_policy as p join pg_class as c on c.oid = p.polrelid
where c.relnamespace = 'syncwell'::regnamespace and p.polcmd = 'r' and c.relname = any (%s)
  and 'syncwell_operator'::regrole <> all (p.polroles)
order by c.relname
"""


@pytest.mark.parametrize("login", ["a_member", "a_other", "a_analyst"])
def test_exactly_the_rows_are_read_that_a_policy_is_named_for(world: World, login: str) -> None:
    """A policy that hides too much is as wrong as one that shows too much."""
    readable = {table.removeprefix("syncwell.") for table, _ in granted(world, login, "select")}
    wrong = []
    for table, policy, nullable in world.rows(ROWS_OF, tenant_tables(world)):
        if table not in readable:
            continue
        if login == "a_analyst" or policy.startswith("own_org") or policy == "own_and_common_settings":
            rule = "true"
        elif policy == "whole_org":
            rule = "false"
        elif table in BY_OTHERS:
            rule = BY_OTHERS[table]
        elif nullable:
            rule = "user_id is null or user_id = %(user)s"
        else:
            rule = "user_id = %(user)s"
        count = f"select count(*)::integer from syncwell.{table} where org_id = %(org)s and ({rule})"
        parameters = {"org": Tenants.org("a"), "user": Tenants.id(login)}
        (expected,) = world.connection.execute(count.encode(), parameters).fetchone() or (None,)
        world.connection.rollback()
        query = sql.SQL("select count(*)::integer from {} where org_id is not null").format(qualified(table))
        answer = attempt(world, (login, None), query)
        if answer != [f"({expected},)"]:
            wrong.append(f"{table}: {answer} instead of {expected}")
    assert wrong == []


def test_reading_bites(world: World) -> None:
    """With one policy too many, the secrets are found."""
    world.connection.execute("create policy everybody on syncwell.streams for select using (true)")
    try:
        world.connection.commit()
        answer = attempt(world, ("a_member", None), sql.SQL("select source from syncwell.streams"))
        assert leaks(world, answer, "") == [SECRET]
    finally:
        world.connection.execute("drop policy everybody on syncwell.streams")
        world.connection.commit()


@pytest.mark.parametrize("login", STRANGERS)
def test_no_row_of_another_org_is_written(world: World, login: str) -> None:
    """attempt() compares org B before and after."""
    who = (login, STRANGERS[login])
    for table, columns in granted(world, login, "update"):
        same = sql.SQL(", ").join(sql.SQL("{0} = {0}").format(sql.Identifier(column)) for column in columns)
        attempt(world, who, sql.SQL("update {} set {}").format(qualified(table), same))
    for (table,) in world.rows(
        "select format('%%s.%%s', c.relnamespace::regnamespace, c.relname) from pg_class as c"
        " where c.relnamespace in ('syncwell'::regnamespace, 'syncwell_tables'::regnamespace)"
        " and c.relkind in ('r', 'p', 'v') and has_table_privilege(%s, c.oid, 'delete')",
        login,
    ):
        attempt(world, who, sql.SQL("delete from {}").format(qualified(table)))
    for table, columns in granted(world, login, "insert"):
        row = world.rows(f"select to_jsonb(t) from {table} as t where org_id = %s limit 1", ORG_B)[0][0]
        for unique in ("id", "sync_id"):
            row[unique] = str(uuid.uuid4())
        query = sql.SQL("insert into {0} ({1}) select {1} from jsonb_populate_record(null::{0}, {2})").format(
            qualified(table), names(columns), sql.Literal(json.dumps(row))
        )
        answer = attempt(world, who, query)
        assert isinstance(answer, psycopg.errors.InsufficientPrivilege), f"{login} inserts into {table}: {answer}"


# --- functions ---------------------------------------------------------------------------------------------------


def masked(answer: Any, arguments: list[Argument], *, nobodys: bool) -> str:
    """An answer without what differs from call to call: what was given, ids, times and numbers."""
    if isinstance(answer, psycopg.Error):
        answer = " | ".join(map(str, texts(answer)))
    shown = str(answer)
    for argument in arguments:
        given = argument.nobodys if nobodys else argument.value
        if not given.isdigit():
            shown = shown.replace(given, f"<{argument.name}>")
    shown = re.sub(r"\b[0-9a-f]{64}\b", "<hash>", shown)
    shown = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", shown)
    return re.sub(r"datetime\.\w+\([^)]*\)|Decimal\('[^']*'\)|\d+(?:\.\d+)?", "#", shown)


def told_apart(world: World, who: tuple[str, str | None], theirs: sql.Composable, nobodys: sql.Composable) -> list[str]:
    """The tables of which it reads more rows where the ids are org B's, also when asked again."""
    more: dict[str, int] = {}
    for asked in range(3):
        attempt(world, who, nobodys)
        unknown = world.work
        attempt(world, who, theirs)
        found = {
            table: read - unknown.get(table, 0)
            for table, read in world.work.items()
            if read > unknown.get(table, 0) + FOUND_FIRST.get(table, (0, ""))[0]
        }
        more = {table: min(read, more[table]) for table, read in found.items() if table in more} if asked else found
        if not more:
            break
    return [f"{table}: {read}" for table, read in more.items()]


def reached(world: World, login: str) -> dict[str, list[str]]:
    """By function: the calls that showed something of org B, or told its ids from those that nobody has."""
    who = (login, STRANGERS[login])
    found: dict[str, list[str]] = {}
    for function, kind, _, parameters in world.rows(FUNCTIONS, login):
        for arguments in variants(world, parameters):
            query = call(function, kind, arguments)
            said = text(world, query)
            try:
                answer = attempt(world, who, query)
            except OtherOrgChangedError:
                found.setdefault(function, []).append(f"{said}\n  changed org B")
                continue
            if seen := leaks(world, answer, said):
                found.setdefault(function, []).append(f"{said}\n  shows {seen} in {answer}")
                continue
            read = world.work
            unknown = attempt(world, who, call(function, kind, arguments, nobodys=True))
            # names are another matter: of those the caller has rows of its own, dead ones from earlier attempts too
            by_ids = all(a.value == a.nobodys or a.type in ("uuid", "uuid[]") for a in arguments)
            if by_ids and read != world.work:
                more = told_apart(world, who, query, call(function, kind, arguments, nobodys=True))
                if more:
                    found.setdefault(function, []).append(f"{said}\n  reads more of org B's: {more}")
            theirs, nobodys = masked(answer, arguments, nobodys=False), masked(unknown, arguments, nobodys=True)
            if theirs != nobodys:
                # an hour may have begun between the two: then both are the same the next time
                theirs = masked(attempt(world, who, query), arguments, nobodys=False)
                unknown = attempt(world, who, call(function, kind, arguments, nobodys=True))
                nobodys = masked(unknown, arguments, nobodys=True)
            if theirs != nobodys:
                found.setdefault(function, []).append(f"{said}\n  org B's: {theirs}\n  nobody's: {nobodys}")
    return found


@pytest.mark.parametrize("login", STRANGERS)
def test_functions_do_not_reach_another_org(world: World, login: str) -> None:
    found = {name: calls for name, calls in reached(world, login).items() if (login, name) not in MEANT_TO_REACH}
    assert not found, f"as {login}:\n" + "\n".join(calls[0] for calls in found.values())


LEAKY = """
create function syncwell.shows(p_event_id uuid) returns text language sql stable security definer
  return (select e.device_id from syncwell.sync_events as e where e.id = p_event_id);
create function syncwell.tells(p_event_id uuid) returns boolean language sql stable security definer
  return exists (select from syncwell.sync_events as e where e.id = p_event_id);
create function syncwell.writes(p_event_id uuid) returns void language sql security definer
  begin atomic update syncwell.sync_events as e set status = e.status where e.id = p_event_id; end;
-- answers the same in any case, after another time
create function syncwell.takes_longer(p_event_id uuid) returns bigint language sql stable security definer
  return (
    select count(*) from (select e.org_id from syncwell.sync_events as e where e.id = p_event_id offset 0) as e
    where e.org_id = syncwell.current_org_id()
  );
"""


def test_calling_functions_bites(world: World) -> None:
    world.connection.execute(LEAKY.encode())
    world.connection.commit()
    try:
        assert {"shows", "tells", "writes", "takes_longer"} <= reached(world, "nobody_login").keys()
    finally:
        world.connection.execute("drop function syncwell.shows, syncwell.tells, syncwell.writes, syncwell.takes_longer")
        world.connection.commit()


def test_every_granted_function_serves_the_rightful(world: World) -> None:
    """With the same arguments org B's own logins succeed: so the refusals above are not about the arguments.

    Parts that run with the caller's own rights are left out: they can do no more than a statement of his.
    """
    served: dict[str, bool | str] = {}
    for who in RIGHTFUL:
        for function, kind, is_entrance, parameters in world.rows(FUNCTIONS, who[0]):
            for arguments in variants(world, parameters):
                if served.get(function) is True or not is_entrance:
                    break
                answer = attempt(world, who, call(function, kind, arguments), stranger=False)
                served[function] = str(answer) if isinstance(answer, psycopg.Error) else True
    refused = {name: answer for name, answer in served.items() if answer is not True}
    assert refused.keys() == CANNOT_BE_CALLED.keys(), "\n".join(f"{name}: {why}" for name, why in refused.items())
