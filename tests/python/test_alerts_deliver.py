"""Alerts go out: by webhook to receivers that fail in every way, to a real Alertmanager, by a command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from harness import Tenants, UnavailableError
from harness.alerting import (
    OK,
    alertmanager,
    answer,
    certificate,
    deliver,
    delivering,
    due,
    fire,
    receiving,
    resolve,
    states,
)
from harness.require import unavailable
from harness.wait import wait_until
from syncwell.cli.app import app
from syncwell.deliver import Channel, ConfigError, Deliverer, Tally, read_channels

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from harness import Database
    from harness.alerting import Receiver

SECRET = "hunter2-is-a-secret"  # noqa: S105


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    connection = database.connect(autocommit=True)
    connection.execute("insert into syncwell.settings (key, value) values ('retry.jitter', 'none')")
    return connection


def config(folder: Path, *channels: dict[str, Any]) -> Path:
    """A file of channels; JSON values are TOML values, but for tables, which these do not need."""
    path = folder / "alerts.toml"
    path.write_text(
        "\n".join(
            "[[channel]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in channel.items())
            for channel in channels
        )
    )
    return path


def hook(url: str, name: str = "hook", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "webhook", "url": url, "timeout": 5, **more}


def once(database: Database, path: Path, login: str = "a_service", say: list[str] | None = None) -> list[Tally]:
    """Each channel of the file, one after the other, in this process."""

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(database.uri(login), autocommit=True)

    lines = [] if say is None else say
    return [Deliverer(one, connect, say=lines.append).run_once() for one in read_channels(path)]


def errors(admin: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return admin.execute(
        "select last_error_type, last_error, state, failures from syncwell.alert_deliveries order by alert_id"
    ).fetchall()


def test_a_webhook_gets_the_body_of_alertmanager(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(receiver.url))
    once(database, path)
    fire(admin, "one")
    fire(admin, "two", "warning")
    (tally,) = once(database, path)
    assert (tally.delivered, tally.failed, tally.dead) == (2, 0, 0)
    ((head, body),) = receiver.requests
    assert head[""] == "POST /in HTTP/1.1"
    assert head["content-type"] == "application/json"
    org = str(Tenants.org("a"))
    rows = admin.execute("select fingerprint, starts_at, ends_at from syncwell.alert_outbox order by id").fetchall()
    assert body == {
        "version": "4",
        "groupKey": f'{{}}:{{org="{org}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"org": org},
        "commonLabels": {"alertname": "failure", "org": org, "source": "calls"},
        "commonAnnotations": {"summary": "failure: calls", "description": "Do it."},
        "externalURL": "",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "failure", "severity": severity, "org": org, "source": "calls"},
                "annotations": {"summary": "failure: calls", "description": "Do it."},
                "startsAt": row[1].isoformat().replace("+00:00", "Z"),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": row[0],
            }
            for row, severity in zip(rows, ("critical", "warning"), strict=True)
        ],
    }
    resolve(admin, "one")
    once(database, path)
    assert receiver.taken[-1]["status"] == "resolved"
    assert receiver.taken[-1]["alerts"][0]["endsAt"] != "0001-01-01T00:00:00Z"
    assert receiver.told == [("one", "firing"), ("two", "firing"), ("one", "resolved")]


def hang(connection: socket.socket) -> None:
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    connection.settimeout(0.05)
    for _ in range(200):
        connection.sendall(b"X-Drip: drop\r\n")
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue


def close(connection: socket.socket) -> None:
    connection.close()


def swell(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6)


def cut(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 20")


@pytest.mark.parametrize(
    ("behave", "error_type", "message"),
    [
        (answer(500), "HTTP_500", "the receiver answered 500"),
        (answer(503, "Retry-After: 7"), "HTTP_503", "the receiver answered 503"),
        (hang, "ETIMEDOUT", "no answer within 0.3 s"),
        (drip, "ETIMEDOUT", "no answer within 0.3 s"),
        (close, "ECONNRESET", "the receiver closed the connection without an answer"),
        (cut, "ECONNRESET", "the receiver closed the connection without an answer"),
        (b"nonsense\r\n\r\n", "ECONNRESET", "the receiver closed the connection without an answer"),
        (
            swell,
            "ECONNRESET",
            "the receiver closed the connection without an answer",
        ),
    ],
    ids=["500", "503", "hangs", "drips", "closes", "closes early", "nonsense", "a head without end"],
)
def test_what_a_receiver_does_wrong_is_tried_again(
    database: Database,
    admin: psycopg.Connection[Any],
    receiver: Receiver,
    tmp_path: Path,
    behave: Any,
    error_type: str,
    message: str,
) -> None:
    # who is not waited for in vain has time also on a busy machine
    path = config(tmp_path, hook(receiver.url, timeout=0.3 if error_type == "ETIMEDOUT" else 5))
    fire(admin, "one")
    resolve(admin, "one")
    fire(admin, "two")
    receiver.behave = behave
    (tally,) = once(database, path)
    assert (tally.delivered, tally.failed, tally.dead, tally.error) == (0, 1, 0, message)
    assert errors(admin) == [(error_type, message, "pending", 1)]
    if error_type == "HTTP_503":
        (wait,) = admin.execute(
            "select extract(epoch from next_attempt_at - last_failed_at)::integer from syncwell.alert_deliveries"
        ).fetchone() or [None]
        assert wait == 7
    receiver.behave = OK
    due(admin)
    resolve(admin, "two")
    once(database, config(tmp_path, hook(receiver.url)))
    assert receiver.told == [("two", "firing"), ("two", "resolved")]


def test_a_redirect_is_not_followed(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(receiver.url, bearer_file="token"))
    (tmp_path / "token").write_text(f"{SECRET}\n")
    fire(admin, "one")
    with receiving() as other:
        receiver.behave = answer(307, f"Location: {other.url}")
        (tally,) = once(database, path)
        assert other.requests == []
    assert receiver.requests[0][0]["authorization"] == f"Bearer {SECRET}"
    assert (tally.failed, tally.error) == (1, "the receiver answered 307; redirects are not followed")


def test_of_an_endless_answer_nothing_is_read(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"x" * 2**20)
                sent += 1
        finally:
            receiver.gate.set()

    path = config(tmp_path, hook(receiver.url))
    fire(admin, "one")
    receiver.behave = pour
    (tally,) = once(database, path)
    assert tally.delivered == 1
    assert receiver.gate.wait(30)
    assert sent < 50


def test_nobody_listens(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    with receiving() as receiver:
        url = receiver.url
    fire(admin, "one")
    once(database, config(tmp_path, hook(url)))
    assert errors(admin) == [("ECONNREFUSED", "cannot connect", "pending", 1)]


def test_whom_it_talks_to_is_checked(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path)
    fire(admin, "one")
    with receiving(context) as receiver:
        url = receiver.url.replace("http:", "https:")
        (tally,) = once(database, config(tmp_path, hook(url)))
        assert tally.failed == 1
        assert (tally.error or "").startswith("TLS: self")
        assert receiver.requests == []
        due(admin)
        (tally,) = once(database, config(tmp_path, hook(url, ca_file=str(trusted))))
        assert tally.delivered == 1


def test_one_that_is_refused_holds_up_no_other(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    """Several go in one message; where it is refused for what it says, each goes alone."""

    def picky(connection: socket.socket) -> None:
        body = receiver.requests[-1][1]
        if any(alert["fingerprint"] == "poison" for alert in body["alerts"]):
            connection.sendall(answer(400))
        else:
            receiver.taken.append(body)
            connection.sendall(OK)

    path = config(tmp_path, hook(receiver.url))
    for name in ("one", "poison", "three"):
        fire(admin, name)
    receiver.behave = picky
    (tally,) = once(database, path)
    assert (tally.delivered, tally.dead) == (2, 1)
    assert sorted(receiver.told) == [("one", "firing"), ("three", "firing")]
    resolve(admin, "poison")
    once(database, path)
    assert states(admin)[-1] == ("poison", "resolved", "skipped")


def test_a_dead_channel_is_told_of_on_another(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    with receiving() as other:
        path = config(tmp_path, hook(receiver.url, "bad"), hook(other.url, "good"))
        once(database, path)
        receiver.behave = answer(404)
        fire(admin, "one")
        bad, good = once(database, path)
        assert (bad.dead, good.delivered) == (1, 2)
        alerts = [alert for body in other.taken for alert in body["alerts"]]
        assert [alert["labels"].get("channel") for alert in alerts] == [None, "bad"]
        receiver.behave = OK
        assert admin.execute(
            "select state from syncwell.sync_issues where issue_type = 'alert_channel'"
        ).fetchall() == [("open",)]
        fire(admin, "two")
        once(database, path)
        assert (other.taken[-1]["alerts"][-1]["labels"]["channel"], other.told[-1][1]) == ("bad", "resolved")


def test_matchers_choose(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(
        f'[[channel]]\nname = "hook"\nkind = "webhook"\nurl = "{receiver.url}"\nmatch = {{ severity = ["critical"] }}\n'
    )
    fire(admin, "mild", "warning")
    fire(admin, "bad")
    once(database, path)
    assert receiver.told == [("bad", "firing")]


def test_an_operator_delivers_for_all_orgs(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(receiver.url))
    fire(admin, "ours")
    fire(admin, "theirs", org="b")
    (tally,) = once(database, path, "operator")
    assert tally.delivered == 2
    # never in one message
    assert sorted(body["groupLabels"]["org"] for body in receiver.taken) == sorted(
        str(Tenants.org(org)) for org in ("a", "b")
    )
    fire(admin, "ours 2")
    fire(admin, "theirs 2", org="b")
    once(database, path, "b_service")
    assert receiver.told[2:] == [("theirs 2", "firing")]


# --- an Alertmanager ------------------------------------------------------------------------------------------------


def shape(value: Any) -> Any:
    """The keys and types of a document."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def test_a_real_alertmanager(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    def shown(url: str) -> dict[str, str]:
        found = httpx.get(f"{url}/api/v2/alerts", timeout=10).json()
        return {f"{one['labels']['alertname']} {one['labels']['severity']}": one["status"]["state"] for one in found}

    try:
        with alertmanager(receiver.url) as url:
            path = config(tmp_path, {"name": "am", "kind": "alertmanager", "url": url})
            fire(admin, "one", "warning")
            (tally,) = once(database, path)
            assert (tally.delivered, tally.error) == (1, None)
            (alert,) = httpx.get(f"{url}/api/v2/alerts", timeout=10).json()
            assert alert["labels"]["source"] == "calls"
            assert alert["annotations"] == {"summary": "failure: calls", "description": "Do it."}
            # it stays without being repeated
            assert int(alert["endsAt"][:4]) == int(alert["startsAt"][:4]) + 1
            # what it then tells a webhook looks like what a webhook of ours is told
            wait_until("its webhook", lambda: receiver.taken)
            body = receiver.taken[0]
            with receiving() as ours:
                once(database, config(tmp_path, hook(ours.url)))
            mine = ours.taken[0]
            assert shape(mine) == shape(body)
            same = (
                "version",
                "status",
                "truncatedAlerts",
                "groupLabels",
                "commonLabels",
                "commonAnnotations",
                "groupKey",
            )
            assert {key: mine[key] for key in same} == {key: body[key] for key in same}
            path = config(tmp_path, {"name": "am", "kind": "alertmanager", "url": url})
            admin.execute("update syncwell.sync_issues set severity = 'critical'")
            once(database, path)
            # it is one alert, that got worse: the one under the old labels is over
            wait_until("the old one to end", lambda: set(shown(url)) == {"failure critical"})
            resolve(admin, "one")
            once(database, path)
            wait_until("the end", lambda: shown(url) == {})
    except UnavailableError as reason:
        unavailable("alertmanager", reason)


# --- a command ------------------------------------------------------------------------------------------------------


def script(folder: Path, text: str) -> list[str]:
    path = folder / "page.py"
    path.write_text(text)
    return [sys.executable, str(path), "$(touch pwned); *"]


def test_a_command_gets_it_on_its_input(
    database: Database, admin: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "not for the command")
    monkeypatch.setenv("PAGER_KEY", SECRET)
    command = script(
        tmp_path,
        "import json, os, pathlib, sys\n"
        f"told = [json.load(sys.stdin), sys.argv[1:], dict(os.environ)]\n"
        f"pathlib.Path({str(tmp_path / 'told')!r}).write_text(json.dumps(told))\n",
    )
    path = config(tmp_path, {"name": "pager", "kind": "command", "command": command})
    path.write_text(path.read_text() + '\nenv.KEY = { env = "PAGER_KEY" }\n')
    fire(admin, "one")
    (tally,) = once(database, path)
    assert tally.delivered == 1
    body, arguments, environment = json.loads((tmp_path / "told").read_text())
    assert body["version"] == "4"
    assert body["alerts"][0]["fingerprint"] == "one"
    assert arguments == ["$(touch pwned); *"]
    assert environment["KEY"] == SECRET
    assert not {name for name in environment if name.startswith("PG")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise SystemExit(3)", "the program failed: exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "the program failed: signal 9"),
        ("import time; time.sleep(60)", "the program did not end within 1 s"),
    ],
)
def test_a_command_that_fails(
    database: Database, admin: psycopg.Connection[Any], tmp_path: Path, text: str, message: str
) -> None:
    path = config(tmp_path, {"name": "pager", "kind": "command", "command": script(tmp_path, text), "timeout": 1})
    fire(admin, "one")
    (tally,) = once(database, path)
    assert (tally.failed, tally.error) == (1, message)


def test_a_command_that_is_not_there(database: Database, admin: psycopg.Connection[Any], tmp_path: Path) -> None:
    fire(admin, "one")
    (tally,) = once(database, config(tmp_path, {"name": "pager", "kind": "command", "command": ["/no/such"]}))
    assert (tally.failed, tally.error) == (1, "the program cannot be run")


# --- the command line -----------------------------------------------------------------------------------------------


def test_once_and_what_it_tells(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(f"{receiver.url}?key=x", url_env="URL") | {"url_env": "HOOK"})
    path.write_text(path.read_text().replace('url = "', '# url = "'))
    fire(admin, "one")
    done = deliver(path, database.uri("a_service"), "--json", HOOK=f"{receiver.url}?key={SECRET}")
    assert (done.returncode, done.stderr) == (0, "hook: 1 delivered\n")
    assert json.loads(done.stdout) == [
        {"channel": "hook", "delivered": 1, "failed": 0, "dead": 0, "lost": 0, "error": None}
    ]
    receiver.behave = answer(500)
    fire(admin, "two")
    done = deliver(path, database.uri("a_service"), HOOK=f"{receiver.url}?key={SECRET}")
    assert done.returncode == 1
    assert "the receiver answered 500" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    stored = admin.execute("select string_agg(d::text, '') from syncwell.alert_deliveries as d").fetchone()
    assert SECRET not in str(stored)


def test_following_is_woken(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(receiver.url))
    with delivering(path, database.uri("a_service"), "--follow", "--poll", "3600") as process:
        wait_until(
            "it to sleep", lambda: admin.execute("select from syncwell.alert_channels where channel = 'hook'").rowcount
        )
        fire(admin, "one")
        wait_until("the receiver to be told", lambda: receiver.told == [("one", "firing")])
        # a retry is made when it is due, whatever the poll
        receiver.behave = answer(500)
        fire(admin, "two")
        wait_until(
            "an attempt", lambda: states(admin)[-1] == ("two", "firing", "pending") and len(receiver.requests) > 1
        )
        # nor does it forget the retry when somebody rings before
        admin.execute("notify syncwell_alerts")
        receiver.behave = OK
        wait_until("the receiver to be told", lambda: receiver.told[-1] == ("two", "firing"))
        process.terminate()
        assert process.wait(30) == 0


def test_polling_needs_no_waking(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(receiver.url))
    fire(admin, "one")
    with delivering(path, database.uri("a_service"), "--follow", "--poll", "0.2"):
        wait_until("the receiver to be told", lambda: receiver.told == [("one", "firing")])
        # as if nobody had rung
        admin.execute(
            """
            insert into syncwell.alert_outbox
            select (jsonb_populate_record(o, jsonb_build_object(
              'id', syncwell._uuid7(syncwell._now()), 'fingerprint', 'silent', 'is_routed', false
            ))).*
            from syncwell.alert_outbox as o
            """
        )
        wait_until("the receiver to be told", lambda: receiver.told[-1] == ("silent", "firing"))


def test_a_database_that_goes_away_comes_back(
    database: Database, admin: psycopg.Connection[Any], receiver: Receiver, tmp_path: Path
) -> None:
    path = config(tmp_path, hook(receiver.url))
    fire(admin, "one")
    with delivering(path, database.uri("a_service"), "--follow", "--poll", "0.2") as process:
        wait_until("the receiver to be told", lambda: receiver.told == [("one", "firing")])
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and usename = 'a_service'"
        )
        fire(admin, "two")
        wait_until("the receiver to be told", lambda: receiver.told[-1] == ("two", "firing"))
        assert process.poll() is None


NAMED = "[[channel]]\nname = 'x'\n"
HOOK = f"{NAMED}kind = 'webhook'\nurl = 'http://x'\n"
MAIL = f"{NAMED}kind = 'smtp'\nhost = 'x'\nfrom = 'a@b'\n"
COMMAND = f"{NAMED}kind = 'command'\ncommand = ['x']\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no channels"),
        ("chanel = 1", "unknown key chanel"),
        ("channel = [1]", "a channel is no table"),
        ("[[channel]]\nname = 'x", "is no TOML"),
        ("[[channel]]\nkind = 'webhook'", "a channel has no name"),
        (HOOK + HOOK, "there are several channels x"),
        (f"{NAMED}kind = 'pigeon'", "channel x: kind is none of"),
        (f"{NAMED}kind = 7", "channel x: kind is no text in one line"),
        (f"{NAMED}kind = 'webhook'", "channel x: url is missing"),
        (f"{NAMED}kind = 'webhook'\nurl = 'ftp://x'", "url is no URL of HTTP"),
        (f"{NAMED}kind = 'webhook'\nurl = 'http://x:port'", "url is no URL of HTTP"),
        (f"{NAMED}kind = 'webhook'\nurl = 'http://u:{SECRET}@x'", "url has a password"),
        (f"{HOOK}bearer = '{SECRET}'", "bearer stands"),
        (f"{HOOK}bearer_env = 'NONE'", "NONE, which is not set"),
        (f"{HOOK}bearer_env = 'TOKEN'\nbearer_file = 'token'", "bearer is named twice"),
        (f"{HOOK}bearer_file = 'empty'", "bearer is empty, or not in one line"),
        (f"{HOOK}bearer_file = 'lines'", "bearer is empty, or not in one line"),
        (f"{HOOK}bearer_file = 'umlaut'", "bearer is no token"),
        (f"{HOOK}colour = 1", "channel x: colour is unknown"),
        (f"{HOOK}timeout = 0", "timeout is no number"),
        (f"{HOOK}timeout = true", "timeout is no number"),
        (f"{HOOK}match = 1", "channel x: match is no table"),
        (f"{HOOK}match = {{ a = 'b' }}", "match.a is no"),
        (f"{HOOK}headers = {{ 'a' = \"b\\r\\nc: d\" }}", "channel x: headers has one that is none"),
        (f"{HOOK}headers = {{ Cookie = '{SECRET}' }}", "channel x: headers has Cookie"),
        (f"{HOOK}ca_file = 'empty'", "channel x: ca_file has no certificates"),
        (f'{MAIL}to = ["a@b\\nBcc: c@d"]', "channel x: to is no plain address"),
        (f"{MAIL}to = ['a@b']\ntls = 'perhaps'", "channel x: tls is none of starttls, tls, none"),
        (f"{MAIL}to = ['a@b']\nusername = 'u'", "channel x: username and a password belong together"),
        (
            f"{MAIL}to = ['a@b']\ntls = 'none'\nusername = 'u'\npassword_env = 'TOKEN'",
            "channel x: tls is none, and a password would be readable",
        ),
        (f"{NAMED}kind = 'command'\ncommand = 'rm -rf'", "channel x: command is no list of texts"),
        (f"{COMMAND}env = {{ TOKEN = '{SECRET}' }}", "channel x: env.TOKEN names no secret"),
        (f"{COMMAND}env = {{ TOKEN = {{}} }}", "channel x: env.TOKEN names no secret"),
        (f"{COMMAND}env = {{ TOKEN = {{ key = 'x' }} }}", "channel x: TOKEN_key is unknown"),
    ],
)
def test_a_mistake_in_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    for name, secret in {"token": SECRET, "empty": "", "lines": f"{SECRET}\n{SECRET}", "umlaut": "schlüssel"}.items():
        (tmp_path / name).write_text(secret)
    path = tmp_path / "alerts.toml"
    path.write_text(text)
    done = CliRunner().invoke(app, ["alerts", "deliver", "-c", str(path), "-d", "nowhere"])
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert SECRET not in done.output


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["alerts", "deliver", "-c", str(tmp_path / "none.toml")])
    assert (done.exit_code, "No such file" in done.stderr) == (2, True)


def test_without_httpx_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "syncwell.deliver.posting", raising=False)
    with pytest.raises(ConfigError, match="webhook needs httpx") as caught:
        read_channels(config(tmp_path, hook("http://x")))
    assert caught.value.hint == "pip install 'syncwell[alerts]'"


def test_what_a_sender_did_not_foresee_is_tried_again(database: Database, admin: psycopg.Connection[Any]) -> None:
    class Broken:
        kind = "broken"
        secrets = (SECRET,)

        def send(self, *_: Any, **__: Any) -> None:
            raise RuntimeError(SECRET)

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(database.uri("a_service"), autocommit=True)

    fire(admin, "one")
    lines: list[str] = []
    tally = Deliverer(Channel(name="hook", sender=Broken()), connect, say=lines.append).run_once()
    assert (tally.failed, tally.error) == (1, "builtins.RuntimeError")
    assert errors(admin)[0][2:] == ("pending", 1)
    assert SECRET not in str(lines)


def test_who_may_not_deliver_is_told(database: Database, receiver: Receiver, tmp_path: Path) -> None:
    done = deliver(config(tmp_path, hook(receiver.url)), database.uri("a_member"))
    assert (done.returncode, "42501" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
