"""What devices leave in the activity log: a push is a batch, a pull that brings something a run, an idle one none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Tenants
from harness.pushing import App, stats, template, todo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster

MEMBER = Tenants.id("a_member")
ENTRIES = """
select action, status, record_count, user_id from syncwell.sync_activity_log
where created_at > %s order by created_at
"""


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[str]:
    with template(cluster) as name:
        yield name


@pytest.fixture
def app(cluster: Cluster, installed: str) -> Iterator[App]:
    with cluster.database(template=installed) as database:
        yield App(database)


def test_a_push_is_a_batch_however_often_it_is_sent(app: App) -> None:
    phone = app.device()
    before = app.one("select now()")
    changes = {"todos": {"created": [todo("a"), todo("b")], "updated": [], "deleted": []}}
    for _ in range(3):
        assert phone.push(changes, p_request_id="r")["stats"] == stats(created=2)
    assert app.sql(ENTRIES, before) == [
        ("batch_process", "in_progress", None, MEMBER),
        ("sync_complete", "completed", 2, MEMBER),
    ]


def test_a_push_that_is_refused_has_a_start_and_an_end(app: App) -> None:
    app.sql("insert into app.todos (id, user_id, title) values ('a', %s, 'milk')", MEMBER)
    phone = app.device()
    app.sql("update app.todos set title = 'tea'")
    before = app.one("select now()")
    answer = phone.updated("todos", todo("a", "beer"))
    assert answer["error"]["code"] == "SW304"
    assert app.sql(ENTRIES, before) == [
        ("batch_process", "in_progress", None, MEMBER),
        ("sync_complete", "failed", 0, MEMBER),
    ]


def test_a_pull_is_a_run_and_an_idle_one_is_not(app: App) -> None:
    phone = app.device()
    app.sql("insert into app.todos (id, user_id, title) values ('a', %s, 'milk')", MEMBER)
    before = app.one("select now()")
    phone.pull()
    phone.pull()
    assert app.sql(ENTRIES, before) == [
        ("sync_start", "in_progress", None, MEMBER),
        ("sync_complete", "completed", 1, MEMBER),
    ]
