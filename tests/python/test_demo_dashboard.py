"""`syncwell demo --serve`: a token that opens the dashboard, and something that goes on in it."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from harness.serving import serving
from syncwell.cli.demo import hosting
from syncwell.cli.demo.place import furnish, place
from syncwell.cli.failures import CommandError


def test_the_token_opens_the_dashboard_and_a_sync_runs_in_it() -> None:
    with place(keep=False) as made:
        _, org_id = furnish(made)
        config, token = hosting.opened(made, org_id)
        assert token not in repr(config)
        waits = chain([False] * 3, repeat(True))
        hosting._live(made, lambda _: next(waits))
        with serving(config) as client:
            answer = client.post("/sign-in", data={"token": token}, headers={"sec-fetch-site": "same-origin"})
            assert answer.status_code == 303
            text = client.get("/").text
    for what in ("Demo", "Adele Admin", "calendar", "12 of 240 items"):
        assert what in text


def test_what_is_missing_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting.importlib.util, "find_spec", lambda name: None if name == "jinja2" else object())
    with pytest.raises(CommandError, match="jinja2") as caught:
        hosting.require_dashboard()
    assert "syncwell[dashboard]" in str(caught.value.hint)
