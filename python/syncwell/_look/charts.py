"""Charts as SVG, drawn by Vega-Lite on this side: what is viewed runs no script and asks no network.

Colours are names of CSS variables, so that the page decides between light and dark. Times are drawn as the clock of
the org shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any

import vl_convert
from markupsafe import Markup, escape

from syncwell._words import plain
from syncwell.health import HealthHistory, VolumeHour

Spec = dict[str, Any]

STATUSES = ("healthy", "late", "degraded", "unhealthy", "unknown")
SHARES = ("healthy", "late", "degraded", "unhealthy", "paused", "unknown")
OUTCOMES = ("succeeded", "failed", "open or cancelled")
_MARKS = {"warning": "degraded", "critical": "unhealthy"}
_UNITS = (("ms", 1.0, 2e3), ("seconds", 1e3, 18e4), ("minutes", 6e4, 108e5), ("hours", 36e5, float("inf")))
_FEW_HOURS = 80
_HOUR_OR_DAY = "utcFormat(datum.value, utchours(datum.value) === 0 ? '%-d %b' : '%H:%M')"
_BROKEN: Spec = {"invalid": "break-paths-show-path-domains"}
_COLOURS = {"succeeded": "healthy", "failed": "unhealthy", "open or cancelled": "unknown"}
_OPENING = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'viewBox="([^"]*)"')
_PLACES = re.compile(r' (?:d|transform|[xy][12]?|width|height)="[^"]*"')
_FRACTION = re.compile(r"-?\d+\.\d{3,}(?:e-\d+)?")
_PATH = re.compile(r'<path d="([^"]*)"( fill="[^>]*)/>')
_RUN = re.compile(f"(?:{_PATH.pattern}){{2,}}")
_IDS = re.compile(r'\bid="(clip\d+)"')
_AXIS: Spec = {
    "domain": False,
    "gridColor": "var(--grid)",
    "labelColor": "var(--muted)",
    "labelFontSize": 12,
    "labelPadding": 6,
    "tickColor": "var(--grid)",
    "title": None,
}
_CONFIG: Spec = {
    "aria": False,
    "axis": _AXIS,
    "axisX": {"grid": False, "labelFlush": False, "labelOverlap": True, "labelSeparation": 10},
    "axisY": {"ticks": False, "tickCount": 4},
    "bar": {"stroke": "var(--card)", "strokeWidth": 0.5},
    "font": "sans-serif",
    "legend": {"disable": True},
    "view": {"stroke": None},
}


def draw(spec: Spec, *, name: str, title: str, description: str, width: int, height: int) -> Markup:
    """A chart that is as wide as its place and tells what it shows.

    `name` tells it from the page's other charts, `title` is the id of the element that names it.
    """
    whole: Spec = {
        **spec,
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "background": None,
        "config": _CONFIG,
        "padding": {"left": 2, "right": 6, "top": 6, "bottom": 2},
    }
    drawn = vl_convert.vegalite_to_svg(whole, allowed_base_urls=[])
    drawn = _PLACES.sub(lambda found: _FRACTION.sub(lambda number: f"{round(float(number[0]), 2):g}", found[0]), drawn)
    drawn = _RUN.sub(_joined, drawn)
    # Vega counts ids on from chart to chart; on the page two charts may not share one
    for number, clip in enumerate(dict.fromkeys(_IDS.findall(drawn)), 1):
        drawn = re.sub(rf"\b{re.escape(clip)}\b", f"{name}-clip-{number}", drawn)
    size = _SIZE.search(drawn)
    if size is None:
        raise ValueError("the chart has no size")
    opening = (
        f'<svg role="img" viewBox="{size[1]}" aria-labelledby="{title}" aria-describedby="{name}-text">'
        f'<desc id="{name}-text">{escape(plain(description))}</desc>'
    )
    return Markup(_OPENING.sub(lambda _: opening, drawn, count=1))  # noqa: S704 - Vega escapes, hostile tests prove it


def streams_by_status(counts: Sequence[tuple[str, dict[str, int]]]) -> Spec:
    """How many streams of each source have which status."""
    values = [
        {"source": plain(source), "status": status, "streams": numbers[status], "order": STATUSES.index(status)}
        for source, numbers in counts
        for status in STATUSES
        if numbers.get(status)
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "bar", "height": {"band": 0.62}, "strokeWidth": 1},
        "encoding": {
            "y": {
                "field": "source",
                "type": "nominal",
                "sort": [plain(source) for source, _ in counts],
                "axis": {"labelLimit": 150, "labelColor": "var(--ink)", "labelFontSize": 13},
            },
            "x": {
                "field": "streams",
                "type": "quantitative",
                "axis": {"tickMinStep": 1, "format": "~s", "tickCount": 5},
            },
            "color": _colours("status", STATUSES),
            "order": {"field": "order", "type": "quantitative"},
        },
    }


def runs_by_outcome(rows: Sequence[HealthHistory], zone: tzinfo) -> Spec:
    """How many runs of each period ended how."""
    numbers = [
        (row.successful_syncs, row.failed_syncs, row.total_syncs - row.successful_syncs - row.failed_syncs)
        for row in rows
    ]
    most = max((sum(number) for number in numbers), default=0)
    return _stacks(
        rows,
        zone,
        OUTCOMES,
        numbers,
        scale={"domainMin": 0, "domainMax": max(most, 1), "nice": True},
        axis={"format": _whole(most), "tickMinStep": 1},
    )


def status_over_time(rows: Sequence[HealthHistory], zone: tzinfo) -> Spec:
    """Which share of the streams' time had which status."""
    numbers = [[float(getattr(row, f"{status}_share")) for status in SHARES] for row in rows]
    axis: Spec = {"format": ".0%", "values": [0, 0.5, 1]}
    return _stacks(rows, zone, SHARES, numbers, scale={"domain": [0, 1], "clamp": True}, axis=axis)


def durations(rows: Sequence[HealthHistory], zone: tzinfo) -> tuple[Spec, str]:
    """How long runs took: half of them at most p50, 95 % at most p95; and the unit that it is drawn in."""
    most = max((row.p95_duration_ms or 0 for row in rows), default=0)
    unit, factor = next((unit, factor) for unit, factor, limit in _UNITS if most < limit)
    values: list[Spec] = [
        {
            "at": _middle(row, zone),
            "p50": None if row.p50_duration_ms is None else row.p50_duration_ms / factor,
            "p95": None if row.p95_duration_ms is None else row.p95_duration_ms / factor,
        }
        for row in rows
    ]
    # a value without neighbours is no line
    known = [False, *(value["p95"] is not None for value in values), False]
    for number, value in enumerate(values):
        value["alone"] = known[number + 1] and not known[number] and not known[number + 2]
    x = _time(rows, zone, "at")
    y: Spec = {"type": "quantitative", "axis": {"format": "~s" if most / factor >= 1000 else ",.3~f"}}
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "color": "var(--band)", **_BROKEN},
            "encoding": {"x": x, "y": {"field": "p50", **y}, "y2": {"field": "p95"}},
        }
    ]
    for name, colour, width in (("p95", "var(--second)", 1.25), ("p50", "var(--accent)", 2)):
        encoding: Spec = {"x": x, "y": {"field": name, **y}}
        layers += [
            {"mark": {"type": "line", "color": colour, "strokeWidth": width, **_BROKEN}, "encoding": encoding},
            {
                "transform": [{"filter": "datum.alone"}],
                "mark": {"type": "point", "color": colour, "filled": True, "size": 24},
                "encoding": encoding,
            },
        ]
    return {"data": {"values": values}, "layer": layers}, unit


def volume(rows: Sequence[VolumeHour], zone: tzinfo) -> Spec:
    """What came in each hour, over the band of what is usual; hours that stand out are marked."""
    values = [
        {
            "start": _wall(row.hour, zone),
            "actual": row.actual,
            "expected": row.expected,
            "lower": row.lower_bound,
            "upper": row.upper_bound,
        }
        for row in rows
    ]
    most, reach = volume_reach(rows)
    x = _span_axis(_wall(rows[0].hour, zone), _wall(rows[-1].hour, zone), "start")
    y: Spec = {
        "type": "quantitative",
        "axis": {"format": _whole(most)},
        "scale": {"domainMin": 0, "domainMax": max(1, min(most, reach)), "nice": reach >= most},
    }
    marks = [
        {"start": _wall(first, zone), "end": _wall(last, zone), "colour": f"var(--{_MARKS[severity]})"}
        for severity, first, last in outstanding(rows)
    ]
    return {
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "area", "color": "var(--band)", "clip": True, **_BROKEN},
                "encoding": {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "rect", "opacity": 0.2, "clip": True},
                "encoding": {
                    "x": x,
                    "x2": {"field": "end"},
                    "color": {"field": "colour", "type": "nominal", "scale": None},
                },
            },
            {
                "mark": {
                    "type": "line",
                    "color": "var(--second)",
                    "strokeWidth": 1.25,
                    "strokeDash": [5, 3],
                    **_BROKEN,
                },
                "encoding": {"x": x, "y": {"field": "expected", **y}},
            },
            {
                "mark": {"type": "line", "color": "var(--accent)", "strokeWidth": 1.75, **_BROKEN},
                "encoding": {"x": x, "y": {"field": "actual", **y}},
            },
        ],
    }


def volume_reach(rows: Sequence[VolumeHour]) -> tuple[float, float]:
    """The highest that a chart of volume has to tell of, and how high it is drawn.

    Where bursts are usual the band reaches so high that nothing else could be seen: there it is cut.
    """
    told = max((max(row.actual or 0, row.expected or 0, row.lower_bound or 0) for row in rows), default=0)
    return max(told, max((row.upper_bound or 0 for row in rows), default=0)), max(1.6 * told, 1)


def outstanding(rows: Iterable[VolumeHour]) -> list[tuple[str, datetime, datetime]]:
    """Stretches of hours that are significant: how much, from when, until when."""
    found: list[tuple[str, datetime, datetime]] = []
    for severity, group in groupby(rows, key=lambda row: row.severity):
        if severity in ("warning", "critical"):
            hours = [row.hour for row in group]
            found.append((severity, hours[0], hours[-1] + timedelta(hours=1)))
    return found


def _stacks(
    rows: Sequence[HealthHistory],
    zone: tzinfo,
    names: Sequence[str],
    numbers: Sequence[Sequence[float]],
    *,
    scale: Spec,
    axis: Spec,
) -> Spec:
    """A stack of parts for each period, as wide as the period."""
    values: list[Spec] = []
    for row, parts in zip(rows, numbers, strict=True):
        begin, end = _wall(row.period_start, zone), _wall(row.period_start, zone, _length(row))
        bottom = 0.0
        for name, part in zip(names, parts, strict=True):
            if part > 0:
                values.append({"start": begin, "end": end, "part": name, "bottom": bottom, "top": bottom + part})
                bottom += part
    return {
        "data": {"values": values},
        "mark": {"type": "rect", "stroke": "var(--card)", "strokeWidth": 0.75 if len(rows) <= 60 else 0},
        "encoding": {
            "x": _time(rows, zone, "start"),
            "x2": {"field": "end"},
            "y": {"field": "bottom", "type": "quantitative", "scale": scale, "axis": axis},
            "y2": {"field": "top"},
            "color": _colours("part", names),
        },
    }


def _joined(run: re.Match[str]) -> str:
    """Boxes side by side as one shape a colour: they do not overlap, and are most of a chart's bytes."""
    shapes: dict[str, list[str]] = {}
    for shape, look in _PATH.findall(run[0]):
        shapes.setdefault(look, []).append(shape)
    return "".join(f'<path d="{"".join(parts)}"{look}/>' for look, parts in shapes.items())


def _colours(field: str, domain: Sequence[str]) -> Spec:
    colours = [f"var(--{_COLOURS.get(one, one)})" for one in domain]
    return {"field": field, "type": "nominal", "scale": {"domain": list(domain), "range": colours}}


def _whole(most: float) -> str:
    """Counts in full up to 9,999, then 12k."""
    return ",d" if most < 10_000 else "~s"


def _time(rows: Sequence[HealthHistory], zone: tzinfo, field: str) -> Spec:
    """The horizontal axis of periods, the same for all charts of the same periods."""
    return _span_axis(_wall(rows[0].period_start, zone), _wall(rows[-1].period_start, zone, _length(rows[-1])), field)


def _span_axis(begin: str, end: str, field: str) -> Spec:
    axis: Spec = {"format": "%-d %b", "tickCount": 6}
    hours = (datetime.fromisoformat(end) - datetime.fromisoformat(begin)) / timedelta(hours=1)
    if hours <= _FEW_HOURS:
        # a day has more than one mark: those within it tell the hour
        axis = {"labelExpr": _HOUR_OR_DAY, "tickCount": 4}
    return {"field": field, "type": "temporal", "scale": {"type": "utc", "domain": [begin, end]}, "axis": axis}


def _length(row: HealthHistory) -> timedelta:
    return timedelta(hours=1) if row.period == "hour" else timedelta(days=1)


def _middle(row: HealthHistory, zone: tzinfo) -> str:
    return _wall(row.period_start, zone, _length(row) / 2)


def _wall(time: datetime, zone: tzinfo, later: timedelta = timedelta()) -> str:
    """What a clock in the zone shows, in the words of UTC, which the charts are drawn in."""
    return f"{time.astimezone(zone).replace(tzinfo=None) + later:%Y-%m-%dT%H:%M:%S}Z"
