"""The report as text: what it says, that nothing of others can act in it, how large it may get."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from harness import reported
from syncwell._look import charts
from syncwell._look.zones import zone_of
from syncwell.cli import output
from syncwell.cli.report.facts import rank
from syncwell.cli.report.page import render

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Every element with its attributes, the text of each, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.append((self._open[-1], data))

    def text(self, tag: str | None = None) -> str:
        return " ".join(
            " ".join(data for where, data in self.texts if tag in (None, where) and where != "style").split()
        )

    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)


@pytest.fixture(scope="module")
def large() -> str:
    return render(reported.facts())


def test_nothing_of_others_becomes_part_of_the_page() -> None:
    calm, hostile = (
        Page(render(reported.facts(streams=40))),
        Page(render(reported.facts(streams=40, name=reported.HOSTILE))),
    )
    allowed = {"html", "head", "meta", "title", "style", "body", "svg", "desc", "g", "path", "line", "text", "a", "p"}
    assert not hostile.tags().keys() & {"script", "img", "link", "iframe", "object", "form", "image", "use"}
    assert hostile.tags().keys() <= calm.tags().keys() | allowed
    for tag, attributes in hostile.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("style", "src", "srcset", "action", "xlink:href"), (tag, name)
            assert name != "href" or (value or "").startswith("#"), (tag, value)
    # it is there, as text
    shown = hostile.text()
    assert "<img src=x onerror=alert(1)>\"'&</style></svg><script>" in hostile.text("h1")
    assert "{{ 7 * 7 }}" in shown
    assert "49" not in hostile.text("h1")
    for character in "\u202e\x1b\x07":
        assert character not in shown
        assert all(
            character not in (value or "") for _, attributes in hostile.elements for value in attributes.values()
        )


def test_only_the_page_s_own_style_is_allowed(large: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', large)
    (style,) = re.findall(r"<style>(.*?)</style>", large, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "@import" not in style
    assert "url(" not in style
    # before anything that it is to bind
    assert large.index("Content-Security-Policy") < large.index("<style>")


def test_nothing_is_loaded(large: str) -> None:
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", large)
    assert "http://" not in without_namespaces
    assert "https://" not in without_namespaces


def test_ids_are_unique_and_what_refers_to_them_finds_them(large: str) -> None:
    page = Page(large)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            # the chart for phones has its title from the wide one
            for one in (attributes.get(name) or "").split():
                assert one in ids, one
        if (attributes.get("href") or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids


def test_every_chart_has_a_name_a_description_and_its_numbers(large: str) -> None:
    page = Page(large)
    pictures = [attributes for tag, attributes in page.elements if tag == "svg"]
    figures = page.tags()["figure"]
    # streams and volume are drawn twice, for wide windows and for phones; three more for all and each source
    assert (figures, len(pictures)) == (1 + 6 + 12, 2 + 12 + 12)
    assert all(
        picture["role"] == "img" and picture["aria-labelledby"] and picture["aria-describedby"] for picture in pictures
    )
    assert page.tags()["desc"] == len(pictures)
    assert large.count('<table class="numbers">') == figures
    # a row for each hour of the week of each series, and one for each of 28 days of each chart of runs
    rows = sum(
        table.count('<tr><th scope="row">') for table in re.findall(r'<table class="numbers">.*?</table>', large, re.S)
    )
    assert rows == 3 + 6 * 168 + 12 * 28


def test_how_many_are_left_out_is_said(large: str) -> None:
    facts = reported.facts()
    page = Page(large)
    shown = sum(1 for tag, attributes in page.elements if tag == "dl" and attributes.get("class") == "evidence")
    more = [int(number) for number in re.findall(r"and (\d+) more of this kind", page.text())]
    assert shown + sum(more) == len(facts.issues)
    kinds = Counter((issue.severity, issue.issue_type, issue.source) for issue in facts.issues)
    assert page.tags()["article"] == len(kinds)
    assert sorted(more) == sorted(number - 24 for number in kinds.values() if number > 24)
    not_well = sum(stream.status != "healthy" or bool(stream.overlays) for stream in facts.streams)
    assert f"and {not_well - 25} more" in page.text()
    assert "and 15 more kinds" in page.text()


def test_where_only_the_worst_were_read_that_is_said() -> None:
    facts = reported.facts(streams=60)
    many = render(replace(facts, issues=(facts.issues * 1000)[:1000], errors=(facts.errors * 50)[:50]))
    text = Page(many).text()
    assert "open issues 1,000+" in text
    assert "of the worst 1,000." in text
    assert "and 25 or more kinds" in text
    few = Page(render(replace(facts, issues=facts.issues[:3]))).text()
    assert "open issues 3 " in few


def test_sources_and_series_without_charts_are_counted() -> None:
    page = Page(render(reported.facts(streams=300, sources=30)))
    text = page.text()
    assert "the first 12 of 30 sources" in text
    assert "and 48 more series" in text
    assert "and 18 more sources" in text


def test_it_stays_small() -> None:
    sizes = {streams: len(render(reported.facts(streams=streams, days=28))) for streams in (60, 600, 6000)}
    assert sizes[600] < 700_000
    assert sizes[6000] < 1.5 * sizes[600]


def test_the_same_facts_give_the_same_page(large: str) -> None:
    assert render(reported.facts()) == large


def test_an_org_without_streams() -> None:
    text = Page(render(reported.facts(streams=0))).text()
    assert "There is no stream yet: nothing is known." in text
    assert "Nothing: no issue is open." in text
    assert "healthy." not in text.split("Statuses:")[0]


def test_streams_without_evidence_are_not_called_healthy() -> None:
    facts = reported.facts(streams=3)
    unknown = [replace(stream, status="unknown", score=None) for stream in facts.streams]
    status = [replace(row, status="unknown", score=None) for row in facts.status]
    page = Page(render(replace(facts, streams=unknown, status=status, issues=[])))
    assert "Of 3 streams, 3 unknown. No issue is open." in page.text()
    assert "healthy streams 0 of 3" in page.text()


def test_issues_are_looked_up_where_nothing_evaluates() -> None:
    facts = reported.facts(streams=30)
    assert facts.evaluated
    stale = [replace(row, overlays=["unevaluated"]) for row in facts.status]
    page = Page(render(replace(facts, status=stale, issues=[])))
    assert "Nothing has evaluated health lately" in page.text()
    shown = sum(1 for tag, attributes in page.elements if tag == "dl" and attributes.get("class") == "evidence")
    assert shown == len(facts.found) > 0


def test_times_are_those_of_the_org(large: str) -> None:
    page = Page(large)
    assert "28 days up to 30 March 2026, 11:40 , Europe/Berlin" in page.text()
    hours = re.findall(r'<tr><th scope="row">(\d+ Mar, \d\d:00)</th>', large)
    # the clock was put forward that night
    assert hours[hours.index("29 Mar, 01:00") + 1] == "29 Mar, 03:00"
    assert zone_of("Nowhere/At all")[1] == "UTC"
    assert zone_of("../../etc/passwd")[1] == "UTC"


def paths(drawn: str, **look: str) -> list[str]:
    """The outlines of what looks so."""
    wanted = [f'{name.replace("_", "-")}="{value}"' for name, value in look.items()]
    found = re.findall(r"<path [^>]*>", drawn)
    return [re.findall(r' d="([^"]*)"', one)[0] for one in found if all(part in one for part in wanted)]


def test_volume_is_drawn_over_the_band_of_what_is_usual() -> None:
    facts = reported.facts(streams=30)
    drawn = [
        charts.draw(charts.volume(rows, facts.zone), name="x", title="t", description="", width=1040, height=190)
        for rows in facts.volume.values()
    ]
    for picture in drawn:
        (band,) = paths(picture, fill="var(--band)")
        assert band.count("L") > 300
        (expected,) = paths(picture, stroke="var(--second)")
        assert expected.count("M") == 1
        # two hours are not known: the line is broken there, not drawn through
        (actual,) = paths(picture, stroke="var(--accent)")
        assert actual.count("M") == 2
    halved, calm, _, stopped, *_ = drawn
    assert paths(halved, fill="var(--degraded)")
    assert paths(stopped, fill="var(--unhealthy)")
    assert not paths(calm, fill="var(--degraded)")
    assert not paths(calm, fill="var(--unhealthy)")


def test_stretches_that_stand_out_are_told_with_begin_and_end() -> None:
    facts = reported.facts(streams=30)
    rows = list(facts.volume.values())
    (stretch,) = charts.outstanding(rows[3])
    severity, first, last = stretch
    hours = [row.hour for row in rows[3] if row.severity == "critical"]
    assert (severity, first) == ("critical", hours[0])
    assert (last - first).total_seconds() == 3600 * len(hours)
    assert charts.outstanding(rows[1]) == []


def test_parts_of_a_stack_lie_on_each_other_without_gaps() -> None:
    facts = reported.facts(streams=30)
    spec: dict[str, Any] = charts.runs_by_outcome(facts.history[None], facts.zone)
    by_period: dict[str, list[dict[str, Any]]] = {}
    for value in spec["data"]["values"]:
        by_period.setdefault(value["start"], []).append(value)
    totals = {row.total_syncs for row in facts.history[None]}
    for parts in by_period.values():
        assert parts[0]["bottom"] == 0
        assert [part["bottom"] for part in parts[1:]] == [part["top"] for part in parts[:-1]]
        assert parts[-1]["top"] in totals
    assert len(by_period) == sum(row.total_syncs > 0 for row in facts.history[None])


@pytest.mark.parametrize(
    ("milliseconds", "unit"), [(900, "ms"), (5_000, "seconds"), (1e6, "minutes"), (2e7, "hours"), (None, "ms")]
)
def test_durations_are_drawn_in_a_fitting_unit(milliseconds: float | None, unit: str) -> None:
    rows = [
        replace(row, p95_duration_ms=milliseconds, p50_duration_ms=milliseconds)
        for row in reported.facts(streams=3).history[None]
    ]
    spec, found = charts.durations(rows, ZoneInfo("UTC"))
    assert found == unit
    assert charts.draw(spec, name="x", title="t", description="", width=320, height=170)


def test_what_stands_out_is_drawn_first() -> None:
    facts = reported.facts(streams=30)
    assert rank(facts.drift)[0] == ("calls", "android", None)
    assert len(rank(facts.drift)) == 6
    # one stream of the group stands out too, and is larger than others
    alone = [replace(row, stream_id=UUID(int=1), expected=9e9) for row in facts.drift[:3]]
    assert rank([*alone, *facts.drift])[:2] == [("calls", "android", None), ("calls", "android", UUID(int=1))]


def test_a_band_that_reaches_far_is_cut_and_that_is_said() -> None:
    facts = reported.facts(streams=30)
    (series, rows), *_ = facts.volume.items()
    far = [replace(row, upper_bound=(row.upper_bound or 0) * 20) for row in rows]
    spec = charts.volume(far, facts.zone)
    (scale,) = {str(layer["encoding"]["y"]["scale"]) for layer in spec["layer"] if "y" in layer["encoding"]}
    most, reach = charts.volume_reach(far)
    assert most > 10 * reach
    assert f"'domainMax': {reach}" in scale
    # what came stays inside
    assert reach > max(row.actual or 0 for row in far)
    told = "The band is cut: up to"
    assert told in Page(render(replace(facts, volume={series: far}))).text()
    assert told not in Page(render(replace(facts, volume={series: rows}))).text()


def test_evidence_is_told_in_words() -> None:
    told = dict(
        output.evidence(
            {
                "consecutive_failures": 4, "overdue_seconds": 16800, "running_ms": 1500, "window_hours": 24,
                "error_rate": 0.25,
                "drift_percent": -51.9, "due_at": "2026-03-30T05:00:00+00:00", "tables": ["a", "b"], "nothing": None,
                "is_first": True, "counts": {"calls": 3, "sms": 1}, "many": list(range(20)), "z": -6.24,
                "text": "a\x1b[0m\nb", "not_a_time_at": "soon",
            },
            lambda time: f"{time:%d.%m. %H:%M}",
        )
    )  # fmt: skip
    assert told == {
        "consecutive failures": "4", "overdue": "4 h 40 min", "running": "1.5 s", "window": "1 d",
        "error rate": "25.0 %",
        "drift": "-52 %", "due at": "30.03. 05:00", "tables": "a, b", "is first": "yes", "counts": "calls 3, sms 1",
        "many": "0, 1, 2, 3, 4, 5, 6, 7 and 12 more", "z": "-6.24", "text": "a\N{REPLACEMENT CHARACTER}[0m b",
        "not a time at": "soon",
    }  # fmt: skip
