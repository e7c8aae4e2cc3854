"""The dashboard in a browser: it is live, nothing foreign runs in it, and everybody can read and use it."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from harness import Tenants
from harness.browser import PALE
from harness.dashboard import evaluate, report, troubled
from harness.serving import configured, serving, token
from harness.wait import wait_until
from syncwell.http.page import answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database
    from harness.browser import Browser

MEMBER, ANALYST, ADMIN = (Tenants.id(name) for name in ("a_member", "a_analyst", "a_admin"))
HOSTILE = '<img src=x onerror=alert(1)>"\'&</script><script>document.title="owned"</script>\u202e{{ 7 * 7 }}'
WINDOWS = [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")]
READY = "document.getElementById('connection')?.classList.contains('is-live')"


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[Database]:
    with cluster.database() as database:
        troubled(database, name=HOSTILE)
        yield database


@pytest.fixture(scope="module")
def address(database: Database) -> Iterator[str]:
    with serving(configured(database.uri("gateway"))) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Any]:
    """Show a page to a user who is signed in, and at the end let it go: a page that stays open stays connected."""

    def show(user: Any, path: str = "/", **window: Any) -> Browser:
        browser.forget()
        if user is not None:
            browser.cookie(address, "syncwell", token(user))
        browser.visit(address + path, **window)
        return browser

    yield show
    browser.visit("about:blank")
    browser.forget()


def stream(database: Database, source: str) -> Any:
    with database.connect() as connection:
        row = connection.execute("select stream_id from syncwell.streams where source = %s", [source]).fetchone()
    assert row is not None
    return row[0]


def test_the_browser_tells_what_the_policy_stops(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the tests below: what they look for is seen when it happens."""
    whole = answers.page_answer
    inside = '<img src="http://127.0.0.1:9/x.png"><b style="color: red" onclick="0">b</b><script>alert(1)</script>'

    def broken(html: str, *rest: Any) -> Any:
        return whole(html.replace("<main", f"{inside}<main"), *rest)

    monkeypatch.setattr("syncwell.http.page.handlers.page_answer", broken)
    browser = visit(None, "/sign-in")

    def told() -> set[str]:
        # it tells of a handler when it is needed
        browser.run("document.querySelector('b').click()")
        complaints = " ".join(browser.complaints).lower()
        return {what for what in ("image", "inline script", "inline style", "inline event") if what in complaints}

    wait_until("four complaints", lambda: len(told()) == 4)


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_names_are_text_all_fits_and_every_text_can_be_read(
    visit: Any, address: str, database: Database, width: int, scheme: str
) -> None:
    texts = 0
    paths = ("/", "/?status=healthy", f"/streams/{stream(database, 'uploads')}", "/streams/1")
    for user, path in [*((ADMIN, path) for path in paths), (None, "/sign-in")]:
        browser = visit(user, path, width=width, scheme=scheme)
        if path == "/":
            browser.until(READY)
            assert HOSTILE.replace("\u202e", "\ufffd") in browser.run("document.body.innerText")
        assert [one for one in browser.complaints if "status of 404" not in one] == []
        assert all(one.startswith((address, "data:,")) for one in browser.requests)
        assert browser.run("document.title") != "owned"
        assert browser.run("document.querySelectorAll('img, script:not([src]), [style], [onclick]').length") == 0
        assert browser.run("document.documentElement.scrollWidth") == width
        shown, pale = browser.run(PALE)
        texts += shown
        assert pale == []
        background = browser.run("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(20, 24, 27)") == (scheme == "dark")
    assert texts > 300


def test_assistive_technology_is_told_what_is_what(visit: Any, database: Database) -> None:
    for path in ("/", f"/streams/{stream(database, 'sms')}"):
        browser = visit(ADMIN, path)
        headings = browser.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
        assert headings[0] == 1
        assert headings.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(headings))
        assert browser.run("document.querySelectorAll('main, header, footer').length") == 3
        assert browser.run("document.documentElement.lang") == "en"
        for role in ("table", "image", "img", "region", "button", "link", "combobox", "progressbar", "navigation"):
            assert all(browser.names(role)), role
        ids = browser.run("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))
    browser = visit(ADMIN)
    assert [name for name in browser.names("table") if name.startswith("4 streams, the worst first")]
    assert any(name.startswith("Acknowledge Runs fail, calls, Mia Member") for name in browser.names("button"))
    assert f"crm {HOSTILE}".replace("\u202e", "\ufffd") in browser.names("progressbar")
    assert any(name.startswith("Streams by status: ") for name in browser.names("image") or browser.names("img"))


def test_a_person_signs_in_and_out_by_keyboard(visit: Any) -> None:
    browser = visit(None, "/?source=sms")
    browser.until("document.activeElement.id === 'token'")
    browser.type("not a token")
    browser.press("Tab")
    browser.press("Enter")
    browser.until("document.querySelector('[role=alert]')?.textContent === 'The token is not valid.'")
    browser.run("document.getElementById('token').focus()")
    browser.type(token(ADMIN))
    browser.press("Tab")
    browser.press("Enter")
    browser.until("location.pathname + location.search === '/?source=sms'")
    assert browser.run("document.cookie") == ""
    browser.run("document.querySelector('.leave button').focus()")
    browser.press("Enter")
    browser.until("document.body.innerText.includes('You are signed out.')")
    browser.press("Tab")


def test_a_session_that_has_ended_leads_to_the_door(browser: Browser, visit: Any, address: str) -> None:
    visit(None, "/sign-in")
    browser.cookie(address, "syncwell", token(ADMIN, exp=time.time() - 60))
    browser.visit(f"{address}/")
    assert "You were signed out: the token has expired." in browser.run("document.body.innerText")


def test_the_first_stop_of_the_keyboard_skips_what_repeats(visit: Any) -> None:
    browser = visit(ADMIN)
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Skip to the content"
    browser.press("Enter")
    browser.until("document.activeElement.id === 'main'")


def test_progress_and_health_arrive_without_a_reload(visit: Any, database: Database) -> None:
    browser = visit(ADMIN)
    browser.until(READY)
    browser.run("window.same = true; window.scrollTo(0, 300)")
    browser.run("document.querySelector('#issue-list details').open = true")
    kept = browser.run("document.querySelector('#issue-list details').id")
    report(database, 730)
    browser.until("document.querySelector('#progress progress').value === 73")
    with database.connect() as connection:
        connection.execute("select syncwell.bind_login(session_user, 'gateway')")
        connection.execute("select syncwell.act_as(test.id('a_member'))")
        connection.execute("select syncwell.register_stream('letters', p_expected_interval => '1 hour')")
        connection.execute("select test.run('letters', now() - interval '1 minute', 'success')")
        connection.commit()
    evaluate(database)
    browser.until("document.getElementById('stream-list').innerText.includes('letters')")
    assert browser.run("window.same && window.scrollY") == 300
    assert browser.run(f"document.getElementById('{kept}').open")
    assert browser.complaints == []


def test_nobody_is_disturbed_who_chooses(visit: Any, database: Database) -> None:
    browser = visit(ADMIN)
    browser.until(READY)
    first = "document.querySelector('#issue-list select')"
    browser.run(f"{first}.focus(); {first}.selectedIndex = 2; window.list = document.querySelector('#issue-list ol')")
    report(database, 740)
    evaluate(database)
    browser.until("document.querySelector('#progress progress').value === 74")
    # progress went on, and the list with the choice is the same one
    assert browser.run(
        "window.list.isConnected && document.activeElement.id === window.list.querySelector('select').id"
    )


def test_acknowledging_by_keyboard_changes_the_row_and_leaves_the_focus_there(visit: Any, database: Database) -> None:
    browser = visit(ADMIN)
    browser.until(READY)
    browser.run("window.same = true")
    button = "[...document.querySelectorAll('#issue-list button')].find((one) => one.id.startsWith('acknowledge-'))"
    issue = browser.run(f"{button}.id.replace('acknowledge-', '')")
    browser.run(f"{button}.focus()")
    browser.press("Enter")
    browser.until("document.getElementById('told').textContent === 'The issue is acknowledged.'")
    assert browser.run("document.getElementById('told').getAttribute('role')") == "status"
    assert browser.run("window.same") is True
    browser.until(f"document.activeElement.id === 'issue-{issue}'")
    with database.connect() as connection:
        row = connection.execute("select state, acknowledged_by from syncwell.sync_issues where id = %s", [issue])
        assert row.fetchone() == ("acknowledged", ADMIN)
    assert browser.complaints == []


def test_what_is_refused_is_told_where_it_happened(visit: Any, database: Database) -> None:
    browser = visit(ADMIN)
    browser.until(READY)
    button = "[...document.querySelectorAll('#issue-list button')].find((one) => one.id.startsWith('snooze-'))"
    browser.run(f"{button}.form.csrf.value = 'forged'")
    browser.run(f"{button}.click()")
    browser.until("document.getElementById('told').textContent === 'The form is not of this session.'")
    with database.connect() as connection:
        row = connection.execute("select count(*) from syncwell.sync_issues where state = 'snoozed'").fetchone()
    assert row == (0,)


def test_without_script_all_of_it_is_there(visit: Any, browser: Browser, database: Database) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        visit(ADMIN, f"/?user={MEMBER}")
        text = browser.run("document.body.innerText")
        for what in ("Mia Member", "Runs fail", "Volume against expectation", "Latest runs"):
            assert what in text
        browser.run("document.querySelector('#issue-list form[action$=snooze] button').focus()")
        browser.press("Enter")
        browser.until("document.body.innerText.includes('The issue rests.')")
        assert browser.run("location.search") == f"?user={MEMBER}&told=snoozed"
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
    with database.connect() as connection:
        row = connection.execute("select count(*) from syncwell.sync_issues where state = 'snoozed'").fetchone()
    assert row == (1,)


def test_an_empty_org_is_told_what_to_do(visit: Any) -> None:
    browser = visit(Tenants.id("b_admin"))
    browser.until(READY)
    text = browser.run("document.body.innerText")
    for what in ("There is no stream yet", "No sync is running.", "Nothing needs attention", "Nothing waits."):
        assert what in text
    assert browser.complaints == []
