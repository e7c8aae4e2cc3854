"""GET /metrics: off unless configured, who may scrape what, and in which format."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families
from starlette.requests import Request

from harness import Tenants
from harness.serving import SECRET, bearer, configured, serving
from syncwell.http import Config, ConfigError
from syncwell.http.scrapes import MEDIA, accepted_format, is_scraper

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from harness import Database

TOKEN = b"scraped-by-tests-0123456789abcdefghij"
SCRAPER = {"authorization": f"Bearer {TOKEN.decode()}"}
ANALYST, ADMIN, MEMBER = (Tenants.id(name) for name in ("a_analyst", "a_admin", "a_member"))


@pytest.fixture
def busy(database: Database) -> Database:
    """A source of each org."""
    with database.connect("gateway", autocommit=True) as gateway:
        for org, source in (("a", "calls"), ("b", "letters")):
            with gateway.transaction():
                gateway.execute("select syncwell.act_as_org(test.org(%s))", [org])
                gateway.execute("select syncwell.register_stream(%s)", [source])
    return database


def sources(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    found = {
        sample.labels.get("source", "")
        for family in plain_families(answer.text)
        if family.name == "sync_streams"
        for sample in family.samples
    }
    return found - {""}


def test_it_is_off_unless_somebody_says_otherwise(busy: Database) -> None:
    with serving(configured(busy.uri("gateway"))) as client:
        for headers in ({}, SCRAPER, bearer(ANALYST)):
            assert client.get("/metrics", headers=headers).status_code == 404


def test_the_scrape_token_gets_all_orgs_or_the_one_that_is_configured(busy: Database) -> None:
    with serving(configured(busy.uri("gateway"), metrics_token=TOKEN)) as client:
        assert sources(client.get("/metrics", headers=SCRAPER)) == {"calls", "letters"}
        # nothing of it is left to the next request
        assert client.get("/metrics").status_code == 401
    with serving(configured(busy.uri("gateway"), metrics_token=TOKEN, metrics_org=Tenants.org("b"))) as client:
        assert sources(client.get("/metrics", headers=SCRAPER)) == {"letters"}


def test_analysts_get_their_org_where_that_is_on(busy: Database) -> None:
    with serving(configured(busy.uri("gateway"), metrics=True)) as client:
        for user in (ANALYST, ADMIN):
            assert sources(client.get("/metrics", headers=bearer(user))) == {"calls"}
        assert sources(client.get("/metrics", headers=bearer(Tenants.id("b_admin")))) == {"letters"}
        refused = client.get("/metrics", headers=bearer(MEMBER))
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
        assert client.get("/metrics", headers=bearer(uuid4())).status_code == 401
        assert client.get("/metrics", headers=SCRAPER).status_code == 401
    with serving(configured(busy.uri("gateway"), metrics_token=TOKEN)) as client:
        assert client.get("/metrics", headers=bearer(ANALYST)).status_code == 401


def test_whoever_has_no_token_is_nobody(busy: Database) -> None:
    with serving(configured(busy.uri("gateway"), metrics=True, metrics_token=TOKEN)) as client:
        for value in ("Bearer", f"Bearer {TOKEN.decode()}x", f"Basic {TOKEN.decode()}", TOKEN.decode(), "x" * 100_000):
            answer = client.get("/metrics", headers={"authorization": value})
            assert answer.status_code in (401, 431, 400)
            assert b"sync_" not in answer.content
        assert client.get("/metrics", params={"token": TOKEN.decode()}).status_code == 401
        assert client.post("/metrics", headers=SCRAPER).status_code == 405


def test_both_formats_and_gzip(busy: Database) -> None:
    with serving(configured(busy.uri("gateway"), metrics_token=TOKEN)) as client:
        asked = {**SCRAPER, "accept": "application/openmetrics-text; version=1.0.0"}
        answer = client.get("/metrics", headers=asked)
        assert answer.headers["content-type"] == MEDIA["openmetrics"]
        assert answer.headers["cache-control"] == "no-store"
        assert "accept" in answer.headers["vary"]
        assert answer.text.endswith("# EOF\n")
        assert {family.name for family in open_families(answer.text)} >= {"sync_runs", "sync_build"}
        assert answer.headers["content-encoding"] == "gzip"
        plain = client.get("/metrics", headers={**SCRAPER, "accept-encoding": "identity"})
        assert plain.headers["content-type"] == MEDIA["prometheus"]
        assert "# EOF" not in plain.text
        assert next(family.name for family in plain_families(plain.text)) == "sync_runs"
        with client.stream("GET", "/metrics", headers={**asked, "accept-encoding": "gzip"}) as raw:
            assert gzip.decompress(b"".join(raw.iter_raw())).endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ([], "prometheus"),
        (["*/*"], "prometheus"),
        (["text/plain"], "prometheus"),
        (["application/openmetrics-text"], "openmetrics"),
        (["application/openmetrics-text;q=0"], "prometheus"),
        (["application/openmetrics-text;q=0.3, text/plain;q=0.5"], "prometheus"),
        (["text/plain;q=0.5", "Application/OpenMetrics-Text;q=0.5"], "openmetrics"),
        (["application/openmetrics-text;q=none"], "prometheus"),
        (
            [
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
            ],
            "openmetrics",
        ),
    ],
)
def test_what_the_client_likes_best(accept: list[str], wanted: str) -> None:
    headers = [(b"accept", value.encode()) for value in accept]
    assert accepted_format(Request({"type": "http", "headers": headers})) == wanted


def test_the_token_is_compared_whole() -> None:
    config = Config(jwt_secret=SECRET, metrics_token=TOKEN)
    assert is_scraper(config, f"bearer  {TOKEN.decode()} ")
    for text in (None, "", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1].decode()}", "Bearer \u00e9\u4e2d"):
        assert not is_scraper(config, text)
    assert not is_scraper(Config(jwt_secret=SECRET), "Bearer ")
    assert TOKEN.decode() not in repr(config)


def test_how_it_is_configured(tmp_path: Path) -> None:
    told: dict[str, Any] = {"SYNCWELL_JWT_SECRET": SECRET.decode()}
    assert Config.from_environment(told).metrics is False
    file = tmp_path / "token"
    file.write_bytes(TOKEN + b"\n")
    made = Config.from_environment(
        {
            **told,
            "SYNCWELL_METRICS": "on",
            "SYNCWELL_METRICS_TOKEN_FILE": str(file),
            "SYNCWELL_METRICS_ORG": str(Tenants.org("a")),
        }
    )
    assert (made.metrics, made.metrics_token, made.metrics_org) == (True, TOKEN, Tenants.org("a"))
    assert Config.from_environment({**told, "SYNCWELL_METRICS_TOKEN": TOKEN.decode()}).metrics_token == TOKEN
    with pytest.raises(ConfigError, match="short"):
        Config.from_environment({**told, "SYNCWELL_METRICS_TOKEN": "guess me"})
    with pytest.raises(ConfigError, match="SYNCWELL_METRICS_ORG"):
        Config.from_environment({**told, "SYNCWELL_METRICS_ORG": "mine"})
