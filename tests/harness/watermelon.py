"""A model of a WatermelonDB client, and the line between it and the database.

`Device` keeps what the real client keeps (raw records with `_status` and `_changed`, the ids it deleted, the cursor)
and does what `synchronize()` does, in its order; what the real client only logs about a server's mistakes is collected
in `Device.complaints`, what it refuses raises ProtocolError. `Link` calls sync_pull() and sync_push() for one device of
one login and can lose requests and answers.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

Raw = dict[str, Any]
Changes = dict[str, dict[str, list[Any]]]

_KINDS = ("created", "updated", "deleted")
_EMPTY = {"string": "", "number": 0, "boolean": False}
_LARGEST = 2**53 - 1
UNKNOWN = "replaced, but it did not exist locally"


class ProtocolError(Exception):
    """The real client refuses this answer as a whole."""


class LostError(Exception):
    """The network: a request that did not arrive, or an answer that did not."""


class RefusedError(Exception):
    """The server refused; `code` is its SQLSTATE."""

    def __init__(self, code: str | None, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Column:
    """A column of the client's schema."""

    kind: str
    optional: bool = False

    def sanitized(self, value: Any) -> Any:
        """As the client's _setRaw(): a value of another type becomes null, or empty where null is not allowed."""
        nothing = None if self.optional else _EMPTY[self.kind]
        if self.kind == "string":
            return value if isinstance(value, str) else nothing
        if self.kind == "boolean":
            if isinstance(value, bool):
                return value
            return bool(value) if isinstance(value, int | float) and value in (0, 1) else nothing
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return nothing
        return value or 0


Schema = Mapping[str, Mapping[str, Column]]


@dataclass
class Device:
    """One app on one device. `pull` and `push` are its pullChanges and pushChanges."""

    schema: Schema
    pull: Callable[..., Any]
    push: Callable[..., Any]
    send_created_as_updated: bool = False
    records: dict[str, dict[str, Raw]] = field(default_factory=dict)
    gone: dict[str, dict[str, None]] = field(default_factory=dict)
    cursor: int | None = None
    schema_version: int | None = None
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for table in self.schema:
            self.records.setdefault(table, {})
            self.gone.setdefault(table, {})

    def create(self, table: str, record_id: str, **values: Any) -> None:
        """A new record with the id the app chose."""
        if record_id in self.records[table] or record_id in self.gone[table]:
            raise ValueError(f"{table} {record_id} exists")
        self.records[table][record_id] = self._sanitized(table, {"id": record_id, **values}, "created")

    def edit(self, table: str, record_id: str, **values: Any) -> None:
        raw = self.records[table][record_id]
        for name, value in values.items():
            value = self.schema[table][name].sanitized(value)
            if value == raw[name] and type(value) is type(raw[name]):
                continue
            raw[name] = value
            changed = [part for part in raw["_changed"].split(",") if part]
            if name not in changed:
                raw["_changed"] = ",".join([*changed, name])
            if raw["_status"] != "created":
                raw["_status"] = "updated"

    def delete(self, table: str, record_id: str) -> None:
        """markAsDeleted(): also a record that was never pushed is pushed as deleted."""
        del self.records[table][record_id]
        self.gone[table][record_id] = None

    def reset(self) -> None:
        """The app was installed again."""
        self.records = {table: {} for table in self.schema}
        self.gone = {table: {} for table in self.schema}
        self.cursor = None

    def backup(self) -> tuple[Any, ...]:
        return copy.deepcopy((self.records, self.gone, self.cursor))

    def restore(self, backup: tuple[Any, ...]) -> None:
        self.records, self.gone, self.cursor = copy.deepcopy(backup)

    @property
    def errors(self) -> list[str]:
        """The complaints without one that a server can't avoid: what a replacement brings for the first time."""
        return [text for text in self.complaints if not text.endswith(UNKNOWN)]

    @property
    def dirty(self) -> bool:
        return any(any(kinds.values()) for kinds in self.local_changes().values())

    def contents(self, table: str) -> dict[str, Raw]:
        """The records of a table without the client's own marks."""
        return {
            record_id: {name: value for name, value in raw.items() if not name.startswith("_") and name != "id"}
            for record_id, raw in self.records[table].items()
        }

    def synchronize(
        self, migration: dict[str, Any] | None = None, between: Callable[[], object] | None = None
    ) -> dict[str, Any]:
        """One synchronize(); `between` runs after the pull was applied, before the push. Returns what was pulled."""
        answer = self.pull(last_pulled_at=self.cursor, schema_version=self.schema_version, migration=migration)
        self.apply(answer)
        if between is not None:
            between()
        changes = self.local_changes()
        if any(any(kinds.values()) for kinds in changes.values()):
            sent = copy.deepcopy(changes)
            pushed = self.push(changes=changes, last_pulled_at=self.cursor) or {}
            self.mark_synced(sent, pushed.get("experimentalRejectedIds") or {})
        return dict(answer)

    def local_changes(self) -> Changes:
        """Every table is named, and records are whole, with `_status` and `_changed`: so does the client."""
        return {
            table: {
                "created": [dict(raw) for raw in records.values() if raw["_status"] == "created"],
                "updated": [dict(raw) for raw in records.values() if raw["_status"] == "updated"],
                "deleted": list(self.gone[table]),
            }
            for table, records in self.records.items()
        }

    def mark_synced(self, sent: Changes, rejected: Mapping[str, list[str]] | None = None) -> None:
        for table, kinds in sent.items():
            refused = set((rejected or {}).get(table, ()))
            for raw in kinds["created"] + kinds["updated"]:
                current = self.records[table].get(raw["id"])
                if current is not None and current == raw and raw["id"] not in refused:
                    current["_status"], current["_changed"] = "synced", ""
            for record_id in kinds["deleted"]:
                if record_id not in refused:
                    self.gone[table].pop(record_id, None)

    def apply(self, answer: Mapping[str, Any]) -> None:
        """All or nothing, as the client's batch."""
        cursor = answer.get("timestamp")
        if type(cursor) is not int or not 0 < cursor <= _LARGEST:
            raise ProtocolError(f"pullChanges() returned invalid timestamp {cursor!r}")
        if "changes" not in answer:
            raise ProtocolError("no changes: the client would take this for success and move its cursor")
        strategy = answer.get("experimentalStrategy")
        before = self.backup()
        try:
            for table, changes in answer["changes"].items():
                if table in self.schema:
                    self._apply_table(table, changes, self._strategy(strategy, table))
                else:
                    self.complaints.append(f"{table}: no such collection")
            if strategy == "replacement" and (missing := set(self.schema) - set(answer["changes"])):
                self.complaints.append(f"replacement without {sorted(missing)}: their stale records stay")
        except BaseException:
            self.restore(before)
            raise
        self.cursor = cursor

    def was_replaced(self, answer: Mapping[str, Any], table: str) -> bool:
        return self._strategy(answer.get("experimentalStrategy"), table) == "replacement"

    @staticmethod
    def _strategy(strategy: Any, table: str) -> str:
        if isinstance(strategy, Mapping):
            strategy = strategy["override"].get(table) or strategy["default"]
        if strategy not in (None, "incremental", "replacement"):
            raise ProtocolError(f"invalid pull strategy {strategy!r}")
        return strategy or "incremental"

    def _apply_table(self, table: str, changes: Mapping[str, list[Any]], strategy: str) -> None:
        if set(changes) != set(_KINDS):
            raise ProtocolError(f"{table}: the keys are {sorted(changes)}")
        for raw in changes["created"] + changes["updated"]:
            self._validate(table, raw)
        sent = [raw["id"] for raw in changes["created"] + changes["updated"]]
        if len(set(sent)) != len(sent) or set(sent) & set(changes["deleted"]):
            raise ProtocolError(f"{table}: one id twice")
        if len(set(changes["deleted"])) != len(changes["deleted"]):
            self.complaints.append(f"{table}: one id twice in deleted")
        records, gone = self.records[table], self.gone[table]
        if self.send_created_as_updated and changes["created"]:
            self.complaints.append(f"{table}: sendCreatedAsUpdated, and yet some records are sent as created")
        doomed = set(changes["deleted"])
        if strategy == "replacement":
            keep = set(sent)
            doomed |= {key for key, raw in records.items() if key not in keep and raw["_status"] != "created"}
            doomed |= set(gone) - keep
        known, deleted_here = set(records), set(gone)
        for raw in changes["created"]:
            if raw["id"] in known:
                self.complaints.append(f"{table} {raw['id']}: created, but it already exists locally ({strategy})")
                self._update(table, raw)
            elif raw["id"] in deleted_here:
                self.complaints.append(f"{table} {raw['id']}: created, but it is locally deleted ({strategy})")
                gone.pop(raw["id"])
                records[raw["id"]] = self._sanitized(table, raw, "synced")
            else:
                records[raw["id"]] = self._sanitized(table, raw, "synced")
        for raw in changes["updated"]:
            if raw["id"] in known:
                self._update(table, raw)
            elif raw["id"] not in deleted_here:
                if not self.send_created_as_updated:
                    complaint = UNKNOWN if strategy == "replacement" else "updated, but it does not exist locally"
                    self.complaints.append(f"{table} {raw['id']}: {complaint}")
                records[raw["id"]] = self._sanitized(table, raw, "synced")
        for record_id in doomed:
            records.pop(record_id, None)
            gone.pop(record_id, None)

    def _validate(self, table: str, raw: Any) -> None:
        if not isinstance(raw, Mapping) or "id" not in raw or "_status" in raw or "_changed" in raw:
            raise ProtocolError(f"{table}: invalid raw record {raw!r}")
        if not isinstance(raw["id"], str):
            raise ProtocolError(f"{table}: the id {raw['id']!r} is no string: the client would make up another one")
        for name, column in self.schema[table].items():
            if name not in raw:
                self.complaints.append(f"{table} {raw['id']}: no {name}")
            elif raw[name] is not None and not self._fits(column.kind, raw[name]):
                self.complaints.append(f"{table} {raw['id']}: {name} is {raw[name]!r}, no {column.kind}")
        if extra := set(raw) - set(self.schema[table]) - {"id"}:
            self.complaints.append(f"{table} {raw['id']}: unknown columns {sorted(extra)}")

    @staticmethod
    def _fits(kind: str, value: Any) -> bool:
        if kind == "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        return isinstance(value, str if kind == "string" else bool)

    def _update(self, table: str, remote: Raw) -> None:
        local = self.records[table][remote["id"]]
        merged = {**local, **remote, "_status": local["_status"], "_changed": local["_changed"]}
        for name in filter(None, local["_changed"].split(",")):
            merged[name] = local[name]
        raw = self._sanitized(table, merged, local["_status"])
        raw["_changed"] = local["_changed"]
        self.records[table][remote["id"]] = raw

    def _sanitized(self, table: str, raw: Mapping[str, Any], status: str) -> Raw:
        values = {name: column.sanitized(raw.get(name)) for name, column in self.schema[table].items()}
        return {"id": raw["id"], "_status": status, "_changed": "", **values}


def parsed(text: str) -> Any:
    """JSON as JavaScript reads it: numbers are doubles; a key twice in one object is nobody's intention."""

    def number(digits: str) -> float | int:
        value = int(digits)
        if abs(value) <= _LARGEST:
            return value
        rounded = float(digits)
        return int(rounded) if math.isfinite(rounded) else rounded

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ProtocolError(f"a key twice: {sorted(name for name, _ in pairs)}")
        return found

    def constant(name: str) -> Any:
        raise ProtocolError(f"{name} is no JSON")

    return json.loads(text, parse_int=number, object_pairs_hook=unique, parse_constant=constant)


@dataclass
class Link:
    """The line of one device: an autocommit session of its user, or of a gateway that acts for it."""

    connection: psycopg.Connection[Any]
    device_id: str | None = None
    act_as: object = None
    limit: int | None = None
    request_ids: Iterator[str] | None = None
    created_as_updated: bool = False
    lose: str | None = None
    after_page: Callable[[int], object] | None = None
    pages: int = 0
    pulled: list[dict[str, Any]] = field(default_factory=list)
    pushed: list[dict[str, Any]] = field(default_factory=list)
    last_push: tuple[Changes, int | None, str | None] | None = None

    def call(self, function: str, **arguments: Any) -> Any:
        """One call in a transaction of its own; named arguments; what is None is left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        query = f"select syncwell.{function}({', '.join(f'{name} => %({name})s' for name in given)})::text"
        try:
            with self.connection.transaction():
                if self.act_as is not None:
                    self.connection.execute("select syncwell.act_as(%s)", [self.act_as])
                row = self.connection.execute(query.encode(), given, prepare=False).fetchone()
        except psycopg.Error as error:
            raise RefusedError(error.sqlstate, str(error)) from error
        assert row is not None
        return parsed(row[0])

    def pull(
        self, *, last_pulled_at: int | None, schema_version: int | None = None, migration: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """pullChanges(): all pages of one logical pull, put together as an app would."""
        self._may_lose("pull request")
        options = {
            "p_schema_version": schema_version,
            "p_device_id": self.device_id,
            "p_limit": self.limit,
            "p_created_as_updated": self.created_as_updated or None,
            "p_migration": None if migration is None else json.dumps(migration),
        }
        whole: dict[str, Any] = self.call("sync_pull", p_last_pulled_at=last_pulled_at, **options)
        page = whole
        self.pages = 1
        while page.get("hasMore"):
            if self.pages == 1:
                self._may_lose("pull page")
            if self.after_page is not None:
                self.after_page(self.pages)
            page = self.call("sync_pull", p_last_pulled_at=page["timestamp"], **options)
            self.pages += 1
            assert self.pages < 10_000, "paging does not end"
            for table, changes in page["changes"].items():
                into = whole["changes"].setdefault(table, {kind: [] for kind in _KINDS})
                for name in _KINDS:
                    into[name] += changes[name]
            strategies = (whole.get("experimentalStrategy"), page.get("experimentalStrategy"))
            whole["experimentalStrategy"] = _together(*strategies)
            whole["timestamp"] = page["timestamp"]
        self._may_lose("pull answer")
        self.pulled.append(whole)
        return whole

    def push(self, *, changes: Changes, last_pulled_at: int | None) -> dict[str, Any]:
        """pushChanges(): throws when the server says no."""
        self._may_lose("push request")
        request = next(self.request_ids) if self.request_ids is not None else None
        self.last_push = (changes, last_pulled_at, request)
        answer = self.tell(*self.last_push)
        self._may_lose("push answer")
        return answer

    def tell(self, changes: Changes, last_pulled_at: int | None, request: str | None) -> dict[str, Any]:
        answer: dict[str, Any] = self.call(
            "sync_push",
            p_changes=json.dumps(changes),
            p_last_pulled_at=last_pulled_at,
            p_device_id=self.device_id,
            p_request_id=request,
        )
        self.pushed.append(answer)
        if answer.get("success") is not True:
            error = answer["error"]
            raise RefusedError(error["code"], error["message"])
        return answer

    def _may_lose(self, what: str) -> None:
        if self.lose == what:
            self.lose = None
            raise LostError(what)


def _together(first: Any, other: Any) -> Any:
    """The strategies of two pages: one replacement stays one; overrides add up."""
    if first is None or other is None or first == other:
        return first if other is None else other if first is None else first
    if isinstance(first, Mapping) and isinstance(other, Mapping):
        return {"default": first["default"], "override": {**first["override"], **other["override"]}}
    raise ProtocolError(f"pages disagree about the strategy: {first!r}, {other!r}")
