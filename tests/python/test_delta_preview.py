"""preview_push: the answer that sync_push would give, and not a trace of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.pushing import App, stats, template, todo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[str]:
    with template(cluster) as name:
        yield name


@pytest.fixture
def app(cluster: Cluster, installed: str) -> Iterator[App]:
    with cluster.database(template=installed) as database:
        yield App(database)


def test_it_answers_as_the_push_does_and_leaves_nothing(app: App) -> None:
    app.policy("merge_columns")
    app.sql("select syncwell.set_setting('delta.notify', 'on')")
    phone = app.device()
    phone.created("todos", *(todo(name) for name in "abcd"))
    phone.pull()
    app.sql("update app.todos set title = 'theirs' where id in ('a', 'b')")
    changes: dict[str, Any] = {
        "todos": {
            "created": [todo("new"), todo("bad", priority=99)],
            "updated": [todo("a", "mine", _changed="title"), todo("c", "mine"), todo("gone")],
            "deleted": ["b", "d"],
        },
        "lists": {"created": [{"id": "l", "local": 1}]},
        "local_only": {"created": [{"id": "x"}]},
    }
    before = app.watch()
    answer = phone.preview(changes)
    assert app.watch() == before
    assert answer["stats"] == stats(created=3, updated=2, deleted=2)
    assert sorted((c["id"], c["outcome"]) for c in answer["conflicts"]) == [("a", "merged"), ("b", "client")]
    assert [entry["id"] for entry in answer["quarantined"]] == ["bad"]
    assert phone.preview(changes) == answer
    assert phone.push(changes) == answer
    assert app.watch() != before


def test_its_failures_are_the_same_and_are_not_noted(app: App) -> None:
    phone = app.device()
    phone.created("todos", todo("a"))
    phone.pull()
    app.sql("update app.todos set title = 'theirs'")
    pushed: tuple[Any, ...] = ({"todos": {"updated": [todo("a", "mine")]}}, [], {"todos": 1})
    for changes in pushed:
        before = app.watch()
        previewed = phone.preview(changes)
        assert previewed["success"] is False
        assert app.watch() == before
        assert phone.push(changes) == previewed
    cursor, phone.cursor = phone.cursor, 1
    before = app.watch()
    assert phone.preview({})["error"]["code"] == "40001"
    assert app.watch() == before
    phone.cursor = cursor
    assert phone.preview({}) == {"success": True, "stats": stats()}


def test_it_can_be_followed_by_the_push_in_one_transaction(app: App) -> None:
    phone = app.device()
    with phone.connection.transaction():
        assert phone.preview({"todos": {"created": [todo("a")]}})["stats"] == stats(created=1)
        assert (
            app.sql("select pid from pg_locks where relation = 'app.todos'::regclass and mode = 'AccessExclusiveLock'")
            == []
        )
        assert phone.created("todos", todo("a"))["stats"] == stats(created=1)
    assert app.sql("select id from app.todos") == ["a"]
