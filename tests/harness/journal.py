"""The journal's database for tests: its tables, what a device must see of them, and those who write past syncwell."""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import threading
import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self, cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from harness import serving
from harness.paths import TESTS
from syncwell.http import app

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterator

    from harness.cluster import Database, Tenants

FOLDER = TESTS / "client" / "journal"
TABLES = (
    "user_profile",
    "user_progress",
    "friends",
    "interactions",
    "intentions",
    "life_events",
    "interaction_friends",
    "intention_friends",
    "weekly_reflections",
    "journal_entries",
)
_JSON = {"notifications", "achievements", "tags", "highlights"}

Records = dict[str, dict[str, dict[str, Any]]]


def install(database: Database, *, register: bool = True) -> None:
    """The example's own scripts, as its README says to run them."""
    for name in ("schema.sql", "register.sql") if register else ("schema.sql",):
        with database.connect() as connection:
            connection.execute((FOLDER / name).read_bytes())


def client_value(value: Any) -> Any:
    """A column's value as a device has it. Written again here, so that the test does not ask syncwell what is right."""
    match value:
        case datetime.datetime():
            return (value - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(milliseconds=1)
        case datetime.date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False)
    return value


def stored(connection: psycopg.Connection[Any], user: uuid.UUID, tables: tuple[str, ...] = TABLES) -> Records:
    """What every device of the user must have."""
    found: Records = {}
    for table in tables:
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                sql.SQL("select * from {} where user_id = %s").format(sql.Identifier("journal", table)), [user]
            )
            found[table] = {
                row["id"]: {name: client_value(value) for name, value in row.items() if name != "user_id"}
                for row in cursor
            }
    return found


def differences(server: Records, dump: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Where a device's dump is not what the server has: missing, excess, different or dirty records, each a line."""
    found = []
    for table, rows in dump.items():
        there = server[table]
        here = {row["id"]: row for row in rows}
        found += [f"missing {table} {record}" for record in there.keys() - here.keys()]
        found += [f"excess {table} {record} {here[record]}" for record in here.keys() - there.keys()]
        for record in here.keys() & there.keys():
            row = here[record]
            if row["_status"] != "synced" or row["_changed"]:
                found.append(f"dirty {table} {record}: {row['_status']} {row['_changed']}")
            found += [
                f"different {table} {record} {name}: {row[name]!r}, on the server {there[record][name]!r}"
                for name in row
                if name not in {"_status", "_changed"} and _plain(name, row[name]) != _plain(name, there[record][name])
            ]
    return found


def _plain(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON and value else value


class Served:
    """The journal's database behind the real application, which counts its requests by path.

    `before`: what is to happen before the next request of a path is looked at.
    """

    def __init__(self, database: Database, tenants: Tenants) -> None:
        self.url = ""
        self.database = database
        self.tenants = tenants
        self.requests: Counter[str] = Counter()
        self.before: dict[str, Callable[[], object]] = {}
        self._config = serving.configured(database.uri("gateway"))
        self._app = app(self._config)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.requests[scope["path"]] += 1
            action = self.before.pop(scope["path"], None)
            if action:
                action()
        await self._app(scope, receive, send)

    @contextlib.contextmanager
    def serve(self) -> Iterator[Self]:
        with serving.serving(self._config, cast("Any", self)) as client:
            self.url = str(client.base_url)
            yield self

    def token(self, user: str = "a_member") -> str:
        return serving.token(self.tenants.id(user), exp=time.time() + 7200)

    def execute(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement in a transaction of its own, past syncwell and past row-level security."""
        with self.database.connect(autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def stored(self, user: str = "a_member") -> Records:
        with self.database.connect() as connection:
            return stored(connection, self.tenants.id(user))


_HARSH = (
    "select syncwell.cleanup_old_tombstones('0 seconds')",
    "select syncwell.cleanup_old_tombstones('0 seconds')",
    "truncate journal.life_events",
    "select syncwell.resync_table('journal.interactions')",
    "select syncwell.invalidate_client(user_id, device_id) from syncwell.sync_devices order by random() limit 1",
)


class Writers:
    """Sessions of raw SQL, one of each isolation level: transactions end in any order, by COMMIT or ROLLBACK.

    Another transaction has changes of its own and is open all the time; it is committed last of all. `harsh`: somebody
    purges tombstones, truncates and resyncs a table, and invalidates devices, too, and does all of it at the end.
    """

    def __init__(self, database: Database, users: tuple[uuid.UUID, ...], *, seed: int, harsh: bool = False) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.counts: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - the same load for the same seed
        self._users = users
        self._harsh = harsh
        self._ends = threading.Event()
        self._failure: BaseException | None = None
        self._ids = 0
        self._deleted: list[tuple[str, uuid.UUID, str]] = []
        self._sessions = [database.connect(options="-c lock_timeout=100ms") for _ in psycopg.IsolationLevel]
        for session, level in zip(self._sessions, psycopg.IsolationLevel, strict=True):
            session.isolation_level = level
        self._keeper = database.connect(autocommit=True, options="-c lock_timeout=100ms")
        self._parked = database.connect()
        for user in users:
            self._parked.execute(
                "insert into journal.friends (user_id, id, name) values (%s, 'parked', 'a long transaction''s')", [user]
            )

    def _run(self) -> None:
        try:
            while not self._ends.is_set():
                self._step()
                # how dense the load is, not when something has happened
                self._ends.wait(self._random.random() * 0.006)
        except BaseException as failure:
            self._failure = failure
            # nobody shall wait for their locks
            for session in self._sessions:
                session.rollback()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        for session in self._sessions:
            session.commit()
            session.close()
        self._parked.commit()
        self._parked.close()
        for what in _HARSH if self._harsh else ():
            self._keeper.execute(what)
        self._keeper.close()
        if self._failure:
            raise self._failure

    def _step(self) -> None:
        chance = self._random.random()
        session = self._random.choice(self._sessions)
        if chance < 0.3:
            session.commit()
            self.counts["commits"] += 1
        elif chance < 0.36:
            session.rollback()
            self.counts["rollbacks"] += 1
        else:
            try:
                if chance < 0.4 and self._harsh:
                    self._be_harsh()
                else:
                    self._change(session)
            except (psycopg.OperationalError, psycopg.IntegrityError):
                # a lock, a deadlock, a serialization failure, a parent that is gone
                session.rollback()
                self.counts["refused"] += 1

    def _be_harsh(self) -> None:
        what = self._random.choice(_HARSH)
        self.counts[what] += 1
        self._keeper.execute(what)

    def _change(self, session: psycopg.Connection[Any]) -> None:
        user = self._random.choice(self._users)
        table = self._random.choice(("friends", "friends", "interactions", "life_events", "interaction_friends"))
        action = self._random.choice(
            ("insert", "insert", "update", "update", "update", "delete", "delete", "move", "again", "savepoint", "same")
        )
        self.counts[action] += 1
        record = self._pick(session, table, user)
        if action == "insert" or (record is None and action != "again"):
            self._insert(session, table, user, self._new_id())
        elif action == "again":
            # an id that was used before
            if self._deleted:
                self._insert(session, *self._random.choice(self._deleted))
        elif action == "move":
            self._move(session, user)
        elif action == "delete":
            self._delete(session, table, user, record)
        elif action == "savepoint":
            with session.transaction():
                self._update(session, table, user, record)
            with session.transaction(force_rollback=True):
                self._delete(session, table, user, record)
        elif action == "same":
            session.execute(_sql("update {} set id = id where user_id = %s and id = %s", table), [user, record])
        else:
            self._update(session, table, user, record)

    def _pick(self, session: psycopg.Connection[Any], table: str, user: uuid.UUID) -> str | None:
        row = session.execute(
            _sql("select id from {} where user_id = %s order by random() limit 1 for update skip locked", table), [user]
        ).fetchone()
        return row[0] if row else None

    def _new_id(self) -> str:
        self._ids += 1
        return f"sql{self._ids:06}"

    def _insert(self, session: psycopg.Connection[Any], table: str, user: uuid.UUID, record: str) -> None:
        if table == "interaction_friends":
            session.execute(
                "insert into journal.interaction_friends (user_id, id, interaction_id, friend_id)"
                " select user_id, %s, i.id, f.id from journal.friends as f"
                " join journal.interactions as i using (user_id)"
                " where user_id = %s order by random() limit 1",
                [record, user],
            )
        else:
            session.execute(_sql("insert into {} (user_id, id) values (%s, %s)", table), [user, record])
            if self._random.random() < 0.5:
                self._update(session, table, user, record)

    def _update(self, session: psycopg.Connection[Any], table: str, user: uuid.UUID, record: str | None) -> None:
        number = self._random.randrange(1000)
        changes = {
            "friends": "name = 'by SQL ' || %(n)s, closeness = %(n)s / 10.0",
            "interactions": "title = 'by SQL ' || %(n)s, happened_at = clock_timestamp()",
            "life_events": "title = 'by SQL ' || %(n)s, friend_id = (select min(f.id) from journal.friends as f"
            " where f.user_id = %(user)s and f.id <> 'parked')",
            "interaction_friends": "created_at = clock_timestamp()",
        }
        session.execute(
            _sql(f"update {{}} set {changes[table]} where user_id = %(user)s and id = %(id)s", table),
            {"n": number, "user": user, "id": record},
        )

    def _delete(self, session: psycopg.Connection[Any], table: str, user: uuid.UUID, record: str | None) -> None:
        session.execute(_sql("delete from {} where user_id = %s and id = %s", table), [user, record])
        if record:
            self._deleted = [*self._deleted[-20:], (table, user, record)]

    def _move(self, session: psycopg.Connection[Any], user: uuid.UUID) -> None:
        record = self._pick(session, "life_events", user)
        other = self._random.choice(self._users)
        session.execute(
            "update journal.life_events set user_id = %s, friend_id = null where user_id = %s and id = %s",
            [other, user, record],
        )


def _sql(text: str, table: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier("journal", table))
