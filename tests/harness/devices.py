"""A device as the protocol sees it: it pulls, applies what it is told as the real client does, and complains."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

Records = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Device:
    """Its copy of the records by table and id, and what was wrong with the answers it got."""

    connection: psycopg.Connection[Any]
    name: str | None = "phone"
    cursor: int | None = None
    records: Records = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def ask(self, cursor: int | None, **arguments: Any) -> dict[str, Any]:
        """The answer to a pull with this cursor, which is not applied."""
        arguments = {"p_last_pulled_at": cursor, "p_device_id": self.name} | arguments
        if isinstance(arguments.get("p_migration"), dict | list):
            arguments["p_migration"] = json.dumps(arguments["p_migration"])
        named = ", ".join(f"{name} => %({name})s" for name in arguments)
        # as text: a driver's JSON would hide an id that comes twice
        row = self.connection.execute(f"select syncwell.sync_pull({named})::text", arguments).fetchone()
        assert row is not None
        answer: dict[str, Any] = json.loads(row[0])
        return answer

    def pull(self, between: Callable[[], object] | None = None, **arguments: Any) -> dict[str, Any]:
        """Pull and apply; the answer. A paged pull is asked for to its end, and its pages are put together.

        `between` is called before each page but the first.
        """
        answer = self.ask(self.cursor, **arguments)
        pages = [answer]
        while answer["hasMore"]:
            if between is not None:
                between()
            answer = self.ask(answer["timestamp"], **arguments)
            if answer["page"] == 1:
                pages = []
            pages.append(answer)
        whole = joined(pages)
        self.apply(whole)
        return whole

    def apply(self, answer: dict[str, Any]) -> None:
        """Do as the client does; what it would log goes to `complaints`, what it would refuse fails."""
        assert isinstance(answer["timestamp"], int)
        assert 0 < answer["timestamp"] < 2**53
        strategy = answer.get("experimentalStrategy", "incremental")
        override: dict[str, str] = {}
        if isinstance(strategy, dict):
            override, strategy = strategy["override"], strategy["default"]
        for table, change in answer["changes"].items():
            mine = self.records.setdefault(table, {})
            ids = [one["id"] for one in change["created"] + change["updated"]] + change["deleted"]
            assert all(isinstance(one, str) for one in ids)
            assert len(ids) == len(set(ids)), f"{table}: an id comes twice"
            replaced = override.get(table, strategy) == "replacement"
            for one in change["created"]:
                if one["id"] in mine:
                    self.complaints.append(f"{table} {one['id']} created, but it is here")
            for one in change["updated"]:
                if one["id"] not in mine and not replaced:
                    self.complaints.append(f"{table} {one['id']} updated, but it is not here")
            if replaced:
                mine.clear()
            mine.update({one["id"]: one for one in change["created"] + change["updated"]})
            for one in change["deleted"]:
                mine.pop(one, None)
        self.cursor = answer["timestamp"]


def joined(pages: list[dict[str, Any]]) -> dict[str, Any]:
    """The pages of one pull as one answer: the lists one after the other, the rest of the last one."""
    whole = dict(pages[-1], changes={})
    for page in pages:
        for table, change in page["changes"].items():
            into = whole["changes"].setdefault(table, {"created": [], "updated": [], "deleted": []})
            for kind, records in change.items():
                into[kind] += records
    return whole
