"""The model of the client: it complains, refuses, merges and stays dirty where the real one does."""

from __future__ import annotations

from typing import Any

import pytest

from harness.watermelon import Column, Device, ProtocolError, parsed

SCHEMA = {
    "notes": {"title": Column("string"), "body": Column("string", optional=True), "n": Column("number")},
    "tags": {"title": Column("string")},
}


class Server:
    """Answers with what it was given, and keeps what was pushed."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.pushed: list[Any] = []

    def pull(self, **_: Any) -> dict[str, Any]:
        return self.answers.pop(0)

    def push(self, *, changes: Any, last_pulled_at: int | None) -> dict[str, Any]:
        self.pushed.append((changes, last_pulled_at))
        return {}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def device(server: Server) -> Device:
    return Device(SCHEMA, server.pull, server.push)


def note(record_id: str, title: str = "t", **others: Any) -> dict[str, Any]:
    return {"id": record_id, "title": title, "body": None, "n": 1, **others}


def answer(timestamp: Any = 1, strategy: Any = None, **kinds: list[Any]) -> dict[str, Any]:
    changes = {"created": [], "updated": [], "deleted": [], **kinds}
    found: dict[str, Any] = {"changes": {"notes": changes}, "timestamp": timestamp}
    if strategy is not None:
        found["experimentalStrategy"] = strategy
    return found


def test_it_logs_what_the_server_gets_wrong(device: Device) -> None:
    device.apply(answer(created=[note("a")], updated=[note("b")]))
    assert device.complaints.pop().startswith("notes b: updated, but it does not exist")
    device.apply(answer(created=[note("a", "again")]))
    assert device.complaints.pop().startswith("notes a: created, but it already exists")
    device.delete("notes", "a")
    device.apply(answer(created=[note("a", "back")]))
    assert device.complaints.pop().startswith("notes a: created, but it is locally deleted")
    assert device.records["notes"]["a"]["title"] == "back"
    device.apply(answer(created=[note("c", 5)]))
    assert device.complaints.pop().startswith("notes c: title is 5")
    assert device.records["notes"]["c"]["title"] == ""
    device.apply({"changes": {"notes": {"created": [], "updated": [], "deleted": []}}, "timestamp": 2,
                  "experimentalStrategy": "replacement"})  # fmt: skip
    assert "replacement without ['tags']" in device.complaints.pop()
    assert device.records["notes"] == {}


@pytest.mark.parametrize(
    "bad",
    [
        answer(0), answer("1"), answer(1.5), answer(None), answer(-1), answer(2**53), answer(strategy="all"),
        {"timestamp": 1},
        {"timestamp": 1, "changes": {"notes": {"created": []}}},
        answer(created=[note("a"), note("a")]),
        answer(created=[note("a")], updated=[note("a")]),
        answer(updated=[note("a")], deleted=["a"]),
        answer(created=[{"title": "x"}]),
        answer(created=[note("a", _status="synced")]),
        answer(created=[{"id": 5}]),
    ],
)  # fmt: skip
def test_it_refuses_a_bad_answer_as_a_whole(device: Device, bad: dict[str, Any]) -> None:
    device.apply(answer(7, created=[note("old")]))
    before = device.backup()
    with pytest.raises(ProtocolError):
        device.apply(bad)
    assert device.backup() == before


def test_edits_are_merged_by_column_and_stay_dirty(device: Device, server: Server) -> None:
    device.apply(answer(created=[note("a", "one", body="x")]))
    device.edit("notes", "a", title="mine")
    device.edit("notes", "a", title="mine", n=1)
    server.answers = [answer(2, updated=[note("a", "theirs", body="y", n=9)])]
    device.synchronize()
    ((changes, cursor),) = server.pushed
    assert changes["notes"]["updated"] == [
        {"id": "a", "title": "mine", "body": "y", "n": 9, "_status": "updated", "_changed": "title"}
    ]
    assert (cursor, device.dirty) == (2, False)
    assert device.contents("notes") == {"a": {"title": "mine", "body": "y", "n": 9}}


def test_a_record_deleted_by_others_takes_the_edit_along(device: Device) -> None:
    device.apply(answer(created=[note("a"), note("b")]))
    device.edit("notes", "a", title="mine")
    device.delete("notes", "b")
    device.apply(answer(deleted=["a", "b", "never there"]))
    assert (device.records["notes"], device.gone["notes"], device.complaints) == ({}, {}, [])


def test_a_local_deletion_wins_over_an_update(device: Device, server: Server) -> None:
    device.apply(answer(created=[note("a")]))
    device.delete("notes", "a")
    server.answers = [answer(2, updated=[note("a", "theirs")])]
    device.synchronize()
    assert server.pushed[0][0]["notes"]["deleted"] == ["a"]
    assert (device.records["notes"], device.dirty) == ({}, False)


def test_a_replacement_keeps_what_was_never_pushed_and_edits_of_what_is_in_it(device: Device) -> None:
    device.apply(answer(created=[note("kept"), note("stale"), note("edited"), note("deleted"), note("gone")]))
    device.create("notes", "new", title="new")
    device.edit("notes", "edited", title="mine")
    device.edit("notes", "stale", title="mine")
    device.delete("notes", "deleted")
    device.delete("notes", "gone")
    device.apply(answer(2, {"default": "incremental", "override": {"notes": "replacement"}},
                        updated=[note("kept"), note("edited", "theirs", n=5), note("deleted")]))  # fmt: skip
    assert set(device.records["notes"]) == {"kept", "edited", "new"}
    assert set(device.gone["notes"]) == {"deleted"}
    assert device.records["notes"]["edited"]["title"] == "mine"
    assert device.records["notes"]["edited"]["n"] == 5
    assert device.complaints == []


def test_a_lost_answer_leaves_it_dirty_and_an_edit_meanwhile_too(device: Device, server: Server) -> None:
    device.create("notes", "a", title="one")
    sent = device.local_changes()
    device.edit("notes", "a", title="two")
    device.mark_synced(sent)
    assert device.local_changes()["notes"]["created"] == [
        {"id": "a", "title": "two", "body": None, "n": 0, "_status": "created", "_changed": "title"}
    ]
    # its own record comes back, as updated: what was edited since wins, and it is pushed as created again
    server.answers = [answer(3, updated=[note("a", "one", n=4)])]
    device.synchronize()
    assert server.pushed[0][0]["notes"]["created"][0]["title"] == "two"
    assert (device.dirty, device.complaints) == (False, [])
    assert device.contents("notes")["a"] == {"title": "two", "body": None, "n": 4}


def test_numbers_are_doubles_and_a_key_twice_is_refused() -> None:
    assert parsed("[9007199254740993, 9007199254740991, 1.5]") == [9007199254740992, 9007199254740991, 1.5]
    for bad in ('{"a": 1, "a": 2}', "NaN", "[Infinity]"):
        with pytest.raises(ProtocolError):
            parsed(bad)
