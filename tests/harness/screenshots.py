"""`python -m harness.screenshots`: the dashboard in each of its states, with the data of the demo, for the README."""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import psycopg
import uvicorn

from harness import browser as browsers
from harness.paths import ROOT
from syncwell import Syncwell
from syncwell.cli.demo.hosting import opened
from syncwell.cli.demo.life import Fleet
from syncwell.cli.demo.place import ANALYST, furnish, place
from syncwell.cli.demo.screen import Screen
from syncwell.http import app
from syncwell.http.serve import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from harness.browser import Browser
    from syncwell.cli.demo.place import Place
    from syncwell.http import Config

FOLDER = ROOT / "docs"
DEVICES = 60
LIVE = "document.getElementById('connection').classList.contains('is-live')"
_UNHEALTHY = """
select stream_id, user_id from syncwell.stream_health
where source = 'sms' and status <> 'healthy' order by score limit 1
"""
_WIDE, _PHONE = (1280, 1000), (390, 844)


@contextmanager
def served(config: Config) -> Iterator[str]:
    """The address of a server that runs until the block ends."""
    listener = listening("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app(config), log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=[[listener]], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def busy(made: Place, org_id: UUID) -> None:
    """Syncs that have been running for a while; the owner, who may, moves the clock for them."""
    with psycopg.connect(made.uri("postgres"), autocommit=True) as connection:
        worker = Syncwell(connection)
        worker.core.bind_login(login_role="postgres", kind="service", org_id=org_id)
        for ago, part in ((90, 0.1), (60, 0.4), (30, 0.7), (0, 1.0)):
            now = datetime.now(UTC) - timedelta(seconds=ago)
            connection.execute("select set_config('syncwell.fake_now', %s, false)", [str(now) if ago else ""])
            for sync, done, total in (("contacts", 4_050, 12_000), ("photos", 1_140, 4_000)):
                worker.progress.report(
                    sync_id=sync,
                    status="in_progress",
                    processed_count=int(done * part),
                    failed_count=7 if sync == "photos" else 0,
                    total_items=total,
                    source_system=sync,
                )
        worker.health.evaluate()


def take(browser: Browser, folder: Path, address: str, token: str, member: str, stream: Any) -> None:
    """All of them: as an admin, then as the member whose stream it is."""

    def shot(name: str, path: str, *, window: tuple[int, int] = _WIDE, scheme: str = "light", at: str = "") -> None:
        browser.visit(address + path, width=window[0], height=window[1], scheme=scheme)
        if path.startswith("/?") or path == "/":
            browser.until(LIVE)
        if at:
            browser.run(f"document.getElementById('{at}').scrollIntoView()")
        browser.picture(folder / f"{name}.png", whole=False)

    shot("dashboard-sign-in", "/sign-in", window=(1280, 640))
    browser.cookie(address, "syncwell", token)
    shot("dashboard", "/")
    shot("dashboard-dark", "/", scheme="dark")
    shot("dashboard-phone", "/", window=_PHONE)
    shot("dashboard-streams", "/", at="streams")
    shot("dashboard-past", "/", at="past", window=(1280, 1000))
    shot("dashboard-healthy", "/?status=healthy&source=calls", at="streams", window=(1280, 640))
    shot("dashboard-stream", f"/streams/{stream}")
    # a page that another site might have made says so
    browser.visit(f"{address}/", width=_WIDE[0], height=560)
    browser.run(
        "document.querySelector('form.leave input').value = 'of nobody'; document.querySelector('form.leave').submit()"
    )
    browser.until("document.title.includes('403') || document.body.innerText.includes('Forbidden')")
    browser.picture(folder / "dashboard-refused.png", whole=False)
    browser.forget()
    browser.cookie(address, "syncwell", "of.another.day")
    browser.visit(f"{address}/", width=_WIDE[0], height=640)
    browser.picture(folder / "dashboard-ended.png", whole=False)
    browser.forget()
    browser.cookie(address, "syncwell", member)
    shot("dashboard-member", "/", window=(1280, 800))
    browser.forget()


def take_empty(browser: Browser, folder: Path, address: str, token: str) -> None:
    """What an org sees that has nothing yet."""
    browser.cookie(address, "syncwell", token)
    browser.visit(f"{address}/", width=_WIDE[0], height=760)
    browser.until(LIVE)
    browser.picture(folder / "dashboard-empty.png", whole=False)
    browser.forget()


def main() -> None:
    """Make the data, serve them, look."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, browsers.running() as browser, place(keep=False) as made:
        folder = Path(name)
        _, org_id = furnish(made)
        config, token = opened(made, org_id)
        with served(config) as address:
            take_empty(browser, folder, address, token)
            browser.visit("about:blank")
        Fleet(Screen(), made, org_id, DEVICES).tell()
        busy(made, org_id)
        with psycopg.connect(made.uri(ANALYST)) as connection:
            row = connection.execute(_UNHEALTHY).fetchone()
        assert row is not None
        # another server: the first one remembers for a while that there was nothing
        with served(config) as address:
            assert config.jwt_secret is not None
            member = jwt.encode({"sub": str(row[1]), "exp": int(time.time()) + 600}, config.jwt_secret, "HS256")
            take(browser, folder, address, token, member, row[0])
            browser.visit("about:blank")
        for picture in sorted(folder.glob("*.png")):
            (FOLDER / picture.name).write_bytes(picture.read_bytes())


if __name__ == "__main__":
    main()
