"""Cost against size: what is meant to be flat, drawn so that it can be seen to be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:
    from bench.result import Row

_WIDTH, _HEIGHT = 640, 360


def draw(rows: Sequence[Row], path: Path) -> bool:
    """Write the chart of all points as SVG; False: there is nothing to draw, since no row was asked at two sizes."""
    points = [row.curve for row in rows if row.curve is not None]
    sizes = {(point.name, point.size) for point in points}
    values = [
        {"question": point.name, "rows": point.size, "ms": 1000 * point.seconds}
        for point in points
        if sum(name == point.name for name, _ in sizes) > 1
    ]
    if not values:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(vl_convert.vegalite_to_svg(_spec(values), allowed_base_urls=[]), encoding="utf-8")
    return True


def _spec(values: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "background": "white",
        "width": _WIDTH,
        "height": _HEIGHT,
        "title": {"text": "Time of a call against the rows that it is asked of", "anchor": "start"},
        "data": {"values": values},
        "mark": {"type": "line", "point": {"filled": True, "size": 50}},
        "encoding": {
            "x": {
                "field": "rows",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": {"title": "rows", "format": "~s", "grid": False},
            },
            "y": {
                "field": "ms",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": {"title": "milliseconds", "format": "~g", "tickCount": 5},
            },
            "color": {"field": "question", "type": "nominal", "legend": {"title": None, "labelLimit": 300}},
        },
    }
