"""The dashboard over HTTP: who gets in, what each sees, what changes anything, and what is refused."""

from __future__ import annotations

import re
import time
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import jwt
import pytest

from harness import Tenants
from harness.dashboard import troubled
from harness.serving import SECRET, configured, serving, token
from syncwell.http import ConfigError, app
from syncwell.http.signin import COOKIE_MAX, csrf_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database

MEMBER, OTHER, ANALYST, ADMIN = (Tenants.id(name) for name in ("a_member", "a_other", "a_analyst", "a_admin"))
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[Database]:
    with cluster.database() as database:
        troubled(database)
        yield database


@pytest.fixture(scope="module")
def server(database: Database) -> Iterator[httpx.Client]:
    with serving(configured(database.uri("gateway"))) as client:
        yield client


class Visitor:
    """Somebody with a cookie."""

    def __init__(self, server: httpx.Client, user: Any, **claims: Any) -> None:
        self.server = server
        self.token = token(user, **claims)
        self.headers = {"cookie": f"syncwell={self.token}"}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.server.get(path, headers=self.headers | headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        given = {"csrf": csrf_token(self.token)} | (form or {})
        return self.server.post(path, data=given, headers=self.headers | OWN | headers)


def issue(database: Database, kind: str = "failure") -> Any:
    with database.connect() as connection:
        row = connection.execute(
            "select id from syncwell.sync_issues where issue_type = %s and stream_id is not null", [kind]
        ).fetchone()
    assert row is not None
    return row[0]


def state(database: Database, issue_id: Any) -> tuple[Any, ...] | None:
    with database.connect() as connection:
        return connection.execute(
            "select state, acknowledged_by, note, snoozed_until > now() + interval '50 minutes' "
            "from syncwell.sync_issues where id = %s",
            [issue_id],
        ).fetchone()


def cookies(answer: httpx.Response) -> SimpleCookie:
    jar = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    return jar


# who gets in


def test_who_is_not_signed_in_is_asked_to(server: httpx.Client) -> None:
    answer = server.get("/?status=late&name=o%27+k")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F%3Fstatus%3Dlate%26name%3Do%2527%2Bk"
    form = server.get(answer.headers["location"])
    assert form.status_code == 200
    assert 'name="next" value="/?status=late&amp;name=o%27+k"' in form.text
    # a part of a page that is open sends the whole page there
    answer = server.get("/parts/health", headers={"hx-request": "true"})
    assert answer.headers["hx-redirect"] == "/sign-in"
    assert not answer.text


def test_every_page_is_under_the_policy(server: httpx.Client) -> None:
    for answer in (
        server.get("/sign-in"),
        Visitor(server, ADMIN).get("/"),
        server.get("/streams/x"),
        server.post("/sign-in"),
    ):
        headers = answer.headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_a_token_becomes_a_cookie_that_ends_with_it(server: httpx.Client) -> None:
    ends = int(time.time()) + 900
    pasted = f"\n Bearer {token(ADMIN, exp=ends)} \n"
    answer = server.post("/sign-in", data={"token": pasted, "next": "/?source=calls"}, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?source=calls")
    (name, cookie), *more = cookies(answer).items()
    assert (name, more) == ("syncwell", [])
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/", "", "")
    assert time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(ends)) == cookie["expires"]
    assert server.get("/", headers={"cookie": f"{name}={cookie.value}"}).status_code == 200


def test_over_tls_the_cookie_is_bound_to_the_host(server: httpx.Client) -> None:
    tls = {"x-forwarded-proto": "https", "host": "sync.example.com"}
    answer = server.post("/sign-in", data={"token": token(ADMIN)}, headers=OWN | tls)
    (name, cookie), *_ = cookies(answer).items()
    assert name == "__Host-syncwell"
    assert cookie["secure"]
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    held = {"cookie": f"{name}={cookie.value}"} | tls
    assert server.get("/", headers=held).status_code == 200
    # a neighbour can set cookies of other names for us: they count on this machine only
    assert server.get("/", headers={"cookie": f"syncwell={cookie.value}"} | tls).status_code == 303


def test_nobody_signs_in_where_others_can_read_along(server: httpx.Client) -> None:
    answer = server.post("/sign-in", data={"token": token(ADMIN)}, headers=OWN | {"host": "sync.example.com"})
    assert answer.status_code == 403
    assert "HTTPS" in answer.text
    assert "set-cookie" not in answer.headers


def bad_tokens() -> dict[str, str]:
    whole = token(ADMIN)
    head, claims, _ = whole.split(".")
    return {
        "forged": token(ADMIN, key=b"another secret that is long enough for this algorithm"),
        "expired": token(ADMIN, exp=time.time() - 60),
        "without an end": token(ADMIN, exp=None),
        "another algorithm": jwt.encode({"sub": str(ADMIN), "exp": time.time() + 60}, SECRET, "HS512"),
        "unsigned": jwt.encode({"sub": str(ADMIN), "exp": time.time() + 60}, None, "none"),
        "signature cut off": f"{head}.{claims}.",
        "of nobody": token("99999999-0000-4000-8000-000000000000"),
        "no token": "sesame",
    }


@pytest.mark.parametrize("kind", bad_tokens())
def test_a_bad_token_is_nobody(server: httpx.Client, kind: str) -> None:
    bad = bad_tokens()[kind]
    answer = server.post("/sign-in", data={"token": bad}, headers=OWN)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert bad not in answer.text
    answer = server.get("/", headers={"cookie": f"syncwell={bad}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?told=ended")
    assert cookies(answer)["syncwell"]["max-age"] == "0"


def test_a_token_that_fits_no_cookie_is_refused_with_the_reason(server: httpx.Client) -> None:
    answer = server.post("/sign-in", data={"token": token(ADMIN, more="x" * COOKIE_MAX)}, headers=OWN)
    assert answer.status_code == 400
    assert str(COOKIE_MAX) in answer.text


def test_a_large_cookie_harms_nobody(server: httpx.Client) -> None:
    for size in (20_000, 1_000_000):
        try:
            answer = server.get("/", headers={"cookie": f"syncwell={'x' * size}"})
        except httpx.TransportError:
            continue
        assert answer.status_code in (303, 400, 431)
    assert Visitor(server, ADMIN).get("/").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/\r\nset-cookie: x=1",
        "javascript:alert(1)",
        "/sync/pull",
    ],
)
def test_signing_in_leads_nowhere_else(server: httpx.Client, elsewhere: str) -> None:
    answer = server.post("/sign-in", data={"token": token(ADMIN), "next": elsewhere}, headers=OWN)
    assert answer.headers["location"] == "/"
    form = server.get("/sign-in", params={"next": elsewhere})
    assert 'name="next" value="/"' in form.text


def test_a_link_on_another_site_leads_on_for_who_is_signed_in(server: httpx.Client) -> None:
    """SameSite keeps the cookie back there; the link on the page does not."""
    answer = server.get("/sign-in?next=/?status=late", headers={"sec-fetch-site": "cross-site"})
    assert '<a href="/?status=late">go on</a>' in answer.text
    assert "go on" not in server.get("/sign-in?next=/?status=late", headers=OWN).text


def test_signing_out_takes_the_cookie_away(server: httpx.Client) -> None:
    visitor = Visitor(server, ADMIN)
    assert visitor.post("/sign-out", {"csrf": "no"}).status_code == 403
    answer = visitor.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?told=out")
    assert cookies(answer)["syncwell"]["max-age"] == "0"


# what each sees


def test_an_admin_sees_the_org_and_may_handle_its_issues(server: httpx.Client) -> None:
    text = Visitor(server, ADMIN).get("/").text
    for what in ("Org A", "Mia Member", "Ola Nordmann", "uploads", "Runs fail", "crm Ola Nordmann"):
        assert what in text
    assert text.count("/acknowledge") >= 4


def test_a_member_sees_its_own(server: httpx.Client) -> None:
    text = Visitor(server, MEMBER).get("/").text
    assert "Mia Member" in text
    assert "Of 2 streams, 1 unhealthy and 1 healthy." in text
    assert "Ola Nordmann" not in text.replace("crm Ola Nordmann", "")
    other = Visitor(server, OTHER)
    assert "Mia Member" not in other.get("/").text


def test_an_analyst_looks_and_changes_nothing(server: httpx.Client, database: Database) -> None:
    analyst = Visitor(server, ANALYST)
    text = analyst.get("/").text
    assert "Runs fail" in text
    assert "/acknowledge" not in text
    assert analyst.post(f"/issues/{issue(database)}/acknowledge").status_code == 403
    assert state(database, issue(database))[0] == "open"  # type: ignore[index]


def test_nobody_sees_another_org(server: httpx.Client, database: Database) -> None:
    stranger = Visitor(server, Tenants.id("b_admin"))
    text = stranger.get("/").text
    assert "There is no stream yet" in text
    assert "Ola" not in text
    with database.connect() as connection:
        row = connection.execute("select stream_id from syncwell.streams where source = 'sms'").fetchone()
    assert row is not None
    for path in (f"/streams/{row[0]}", f"/?user={MEMBER}"):
        assert stranger.get(path).status_code == 404
        assert Visitor(server, ADMIN).get(path).status_code == 200
    assert Visitor(server, OTHER).get(f"/streams/{row[0]}").status_code == 404


def rows(answer: httpx.Response) -> list[str]:
    table = answer.text.partition('id="streams-table"')[2].partition("</table>")[0]
    return re.findall(r'id="link-[^>]*>([^<]*)</a>', table)


def test_what_was_remembered_is_for_who_it_was(cluster: Cluster) -> None:
    """The charts of an admin who becomes a member, and then nobody, are looked at again."""
    with cluster.database() as database:
        troubled(database)
        with database.connect(autocommit=True) as connection, serving(configured(database.uri("gateway"))) as server:
            admin = Visitor(server, ADMIN)
            charts = admin.get("/parts/charts").text
            assert "Nothing ran in the last two days." not in charts
            connection.execute("update syncwell.users set role = 'member' where user_id = %s", [ADMIN])
            assert "Nothing ran in the last two days." in admin.get("/parts/charts").text
            connection.execute("delete from syncwell.logins where user_id = %s", [ADMIN])
            connection.execute("delete from syncwell.users where user_id = %s", [ADMIN])
            gone = admin.get("/parts/charts")
            assert gone.headers.get("hx-redirect", gone.headers.get("location")) == "/sign-in?told=ended"


def test_streams_are_listed_worst_first_and_filtered(server: httpx.Client) -> None:
    admin = Visitor(server, ADMIN)
    whole = rows(admin.get("/"))
    assert len(whole) == 4
    assert set(whole[:2]) == {"calls", "uploads"}
    assert rows(admin.get("/?status=healthy&source=sms")) == ["sms"]
    assert sorted(rows(admin.get(f"/?user={MEMBER}"))) == ["calls", "sms"]
    assert sorted(rows(admin.get("/?name=MIA"))) == ["calls", "sms"]
    assert sorted(rows(admin.get(f"/?name={MEMBER}"))) == ["calls", "sms"]
    assert rows(admin.get("/?name=%25")) == []
    assert rows(admin.get("/?offset=3")) == whole[3:]
    assert "No stream is like that." in admin.get("/?status=late").text


def test_asking_about_somebody_is_written_down(server: httpx.Client, database: Database) -> None:
    def asked() -> int:
        with database.connect() as connection:
            row = connection.execute(
                "select count(*) from syncwell.access_log where subject = %s and user_id = %s "
                "and function_name in ('get_stream_overview', 'get_stream_detail')",
                [MEMBER, ADMIN],
            ).fetchone()
        assert row is not None
        return int(row[0])

    before = asked()
    admin = Visitor(server, ADMIN)
    admin.get("/")
    assert asked() == before
    admin.get(f"/?user={MEMBER}")
    assert asked() == before + 1
    with database.connect() as connection:
        row = connection.execute("select stream_id from syncwell.streams where source = 'sms'").fetchone()
    assert row is not None
    assert "Timeline" in admin.get(f"/streams/{row[0]}?hours=24").text
    assert asked() == before + 2


# what changes anything


def test_acknowledging_and_snoozing_change_the_row(server: httpx.Client, database: Database) -> None:
    admin, kept = Visitor(server, ADMIN), issue(database, "stale_data")
    answer = admin.post(f"/issues/{kept}/snooze", {"for": "3600", "query": "status=late"})
    assert answer.headers["location"] == "/?status=late&told=snoozed#issues"
    assert state(database, kept) == ("snoozed", None, None, True)
    answer = admin.post(f"/issues/{kept}/acknowledge", {"note": " on it "}, **{"hx-request": "true"})
    assert answer.status_code == 200
    assert "The issue is acknowledged." in answer.text
    assert "acknowledged by Adele Admin" in answer.text
    assert state(database, kept) == ("acknowledged", ADMIN, "on it", None)
    assert admin.get("/?told=<b>").text.count("<b>") == 0


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({"sec-fetch-site": "cross-site"}, {}),
        ({"sec-fetch-site": "same-site"}, {}),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, {}),
        ({"sec-fetch-site": "", "origin": "http://127.0.0.1:1"}, {}),
        ({"sec-fetch-site": "cross-site", "origin": "null"}, {}),
        ({}, {"csrf": ""}),
        ({}, {"csrf": csrf_token(token(ADMIN, exp=time.time() + 5000))}),
        ({}, {"csrf": "é" * 64}),
    ],
)
def test_what_no_page_of_ours_sent_changes_nothing(
    server: httpx.Client, database: Database, headers: dict[str, str], form: dict[str, str]
) -> None:
    kept = issue(database)
    answer = Visitor(server, ADMIN).post(f"/issues/{kept}/acknowledge", form, **headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert state(database, kept) == ("open", None, None, None)


def test_who_says_nothing_of_where_it_comes_from_changes_nothing(server: httpx.Client, database: Database) -> None:
    visitor, kept = Visitor(server, ADMIN), issue(database)
    form = {"csrf": csrf_token(visitor.token)}
    assert server.post(f"/issues/{kept}/acknowledge", data=form, headers=visitor.headers).status_code == 403
    # a browser without fetch metadata says at least the origin
    origin = str(server.base_url).rstrip("/")
    for said, status in ((f"{origin}.evil.example", 403), (origin, 303)):
        answer = server.post(
            f"/issues/{kept}/snooze", data=form | {"for": "60"}, headers=visitor.headers | {"origin": said}
        )
        assert answer.status_code == status
    with database.connect() as connection:
        connection.execute("update syncwell.sync_issues set state = 'open', snoozed_until = null where id = %s", [kept])


def test_other_sites_sign_nobody_in(server: httpx.Client) -> None:
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = server.post("/sign-in", data={"token": token(ADMIN)}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_the_cookie_opens_nothing_but_the_dashboard(server: httpx.Client) -> None:
    visitor = Visitor(server, ADMIN)
    assert server.post("/sync/pull", json={"last_pulled_at": None}, headers=visitor.headers | OWN).status_code == 401
    assert server.get("/sync/events", headers=visitor.headers | {"sec-fetch-site": "cross-site"}).status_code == 401


# what makes no sense


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?status=broken", 400),
        ("/?source=%00", 400),
        ("/?name=" + "n" * 201, 400),
        ("/?user=me", 400),
        ("/?offset=-1", 400),
        ("/?offset=%D9%A3", 400),
        ("/?offset=99999999", 400),
        ("/?" + "&".join(f"a{number}=1" for number in range(30)), 400),
        (f"/?user={Tenants.id('nobody at all')}", 404),
        ("/parts/passwords", 404),
        ("/parts/..%2f..%2fetc%2fpasswd", 404),
        ("/streams/1", 404),
        (f"/streams/{Tenants.id('no stream')}", 404),
        ("/streams/%0d%0aset-cookie:x", 404),
        ("/static/..%2fhandlers.py", 404),
        ("/static/page.py", 404),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_page(server: httpx.Client, path: str, status: int) -> None:
    answer = Visitor(server, ADMIN).get(path)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"for": "0"}, 400),
        ({"for": "1e9"}, 400),
        ({"for": "99999999"}, 400),
        ({}, 400),
        ({"for": "60", "note": "n" * 1001}, 400),
        ({"for": "60", "query": "status=broken"}, 400),
        ({"for": "60", "note": "\0"}, 400),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    server: httpx.Client, database: Database, form: dict[str, str], status: int
) -> None:
    visitor, kept = Visitor(server, ADMIN), issue(database)
    assert visitor.post(f"/issues/{kept}/snooze", form).status_code == status
    assert visitor.post(f"/issues/{uuid4()}/snooze", {"for": "60"}).status_code == 404
    assert visitor.post("/issues/1/acknowledge").status_code == 404
    assert state(database, kept) == ("open", None, None, None)


def test_a_form_is_small_and_a_form(server: httpx.Client, database: Database) -> None:
    visitor, path = Visitor(server, ADMIN), f"/issues/{issue(database)}/acknowledge"
    assert visitor.post(path, {"note": "n" * 20_000}).status_code == 413
    headers = visitor.headers | OWN
    assert server.post(path, json={"csrf": csrf_token(visitor.token)}, headers=headers).status_code == 415
    assert (
        server.post(
            path, content=b"\xff=1", headers=headers | {"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 400
    )


# how it is served


def test_files_are_kept_by_browsers_while_they_are_the_same(server: httpx.Client) -> None:
    text = Visitor(server, ADMIN).get("/").text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(files) == 5
    for file in files:
        answer = server.get(file)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert server.get(file.partition("?")[0]).headers["cache-control"] == "no-cache"


def test_a_page_is_a_handful_of_calls_and_draws_a_picture_once(database: Database) -> None:
    from syncwell.http.page import handlers

    made: list[handlers.Page] = []
    asked: list[str] = []

    class Counting(handlers.Page):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncwell.http.page.Page", Counting)
        from syncwell.aio._caller import AsyncCaller

        fetch = AsyncCaller._fetch

        async def counted(self: Any, factory: Any, statement: Any, parameters: Any) -> Any:
            asked.append(str(statement))
            return await fetch(self, factory, statement, parameters)

        patch.setattr(AsyncCaller, "_fetch", counted)
        config = configured(database.uri("gateway"))
        with serving(config) as client:
            Visitor(client, ADMIN).get("/")
            first, drawn = len(asked), made[0]._pictures.drawn
            Visitor(client, ADMIN).get("/?offset=1")
    assert first <= 10
    # the past is remembered for a while, and so are its pictures
    assert len(asked) - first == first - 2
    assert made[0]._pictures.drawn == drawn > 0


def test_there_is_none_where_it_is_not_wanted(database: Database) -> None:
    with serving(configured(database.uri("gateway"), dashboard=False)) as client:
        assert client.get("/").status_code == 404
        assert client.get("/sign-in").status_code == 404


@pytest.mark.parametrize("missing", ["jinja2", "vl_convert"])
def test_without_its_parts_the_server_says_so_in_a_line(
    missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith(("syncwell.http.page", "syncwell._look"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    app(configured("dbname=nowhere"))
    (record,) = caplog.records
    assert missing in record.message
    assert "pip install 'syncwell[dashboard]'" in record.message
    with pytest.raises(ConfigError, match=missing):
        app(configured("dbname=nowhere", dashboard=True))
