"""The report in a browser: nothing runs and nothing is loaded, it fits every window, and everybody can read it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from harness import reported
from harness.browser import PALE
from syncwell.cli.report.page import render

if TYPE_CHECKING:
    from pathlib import Path

    from harness.browser import Browser

WINDOWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

SHOWN = """
[...document.querySelectorAll('.picture')].filter((one) => one.getClientRects().length).map((one) => one.className)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render(reported.facts()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "hostile.html"
    file.write_text(render(reported.facts(streams=90, name=reported.HOSTILE)), encoding="utf-8")
    return file


def test_the_browser_tells_what_the_policy_stops(browser: Browser, page: Path, tmp_path: Path) -> None:
    """The control of the tests below: what they look for is seen when it happens."""
    broken = tmp_path / "broken.html"
    inside = '<img src="http://127.0.0.1:9/x.png"><b style="color: red" onclick="0">b</b><script>alert(1)</script>'
    broken.write_text(page.read_text().replace("<body>", f"<body>{inside}"))
    browser.open(broken)
    complaints = " ".join(browser.complaints)
    for what in ("image", "inline script", "inline style"):
        assert what in complaints.lower()
    assert any("127.0.0.1:9" in url for url in browser.requests)


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_nothing_runs_nothing_is_loaded_and_all_fits(browser: Browser, hostile: Path, width: int, scheme: str) -> None:
    browser.open(hostile, width=width, scheme=scheme)
    assert browser.complaints == []
    assert browser.requests == [hostile.as_uri()]
    assert browser.run("document.title").startswith("Sync health: <img src=x onerror=alert(1)>")
    assert browser.run("document.querySelectorAll('script, img').length") == 0
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run("[...document.querySelectorAll('svg')].every((one) => one.closest('figure'))")


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_every_text_can_be_read(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.open(page, width=width, scheme=scheme)
    texts, pale = browser.run(PALE)
    assert texts > 500
    assert pale == []
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 24, 27)") == (scheme == "dark")
    # texts in charts are scaled with them
    smallest = browser.run(
        "Math.min(...[...document.querySelectorAll('svg text')].filter((one) => one.getClientRects().length)"
        ".map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"
    )
    assert smallest >= 10


@pytest.mark.parametrize(("width", "shown"), [(1280, "wide"), (390, "narrow")])
def test_each_chart_is_shown_once_in_the_size_that_fits(browser: Browser, page: Path, width: int, shown: str) -> None:
    browser.open(page, width=width)
    kinds = browser.run(SHOWN)
    assert len(kinds) == len(set(browser.run("[...document.querySelectorAll('figure')].map((one) => one.id)")))
    assert {kind.removeprefix("picture").strip() for kind in kinds} == {"", shown}


def test_assistive_technology_is_told_what_charts_and_tables_are(browser: Browser, page: Path) -> None:
    browser.open(page)
    charts = browser.names("image") or browser.names("img")
    assert len(charts) == 19
    assert "Streams by status" in charts
    assert "calls, android, all streams together" in charts
    assert "Significant deviations, by window" in browser.names("table")
    assert all(browser.names("region"))
    headings = browser.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_the_keyboard_reaches_and_opens_the_numbers(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Skip to the report"
    browser.run("document.querySelector('#volume-1 summary').focus()")
    assert not browser.run("document.querySelector('#volume-1 details').open")
    browser.press("Enter")
    assert browser.run("document.querySelector('#volume-1 details').open")
    # the table scrolls, so it can be reached too
    browser.press("Tab")
    assert browser.run("document.activeElement.getAttribute('role')") == "region"
    assert browser.run("document.activeElement.closest('figure').id") == "volume-1"


def test_paper_gets_the_charts_in_light_colours(browser: Browser, page: Path) -> None:
    browser.open(page, scheme="dark")
    browser.media(scheme="dark", kind="print")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    texts, pale = browser.run(PALE)
    assert texts > 500
    assert pale == []
    assert browser.paper().startswith(b"%PDF-")
