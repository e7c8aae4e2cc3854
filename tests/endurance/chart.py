"""The samples as a picture: a small chart each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:
    from pathlib import Path

    from endurance.samples import Sample

_TITLES = {
    "table": "table size, MiB",
    "memory": "memory, MiB",
    "dead": "dead rows",
    "hot": "HOT share",
    "wal": "WAL, MiB",
    "records": "WAL records",
    "pages": "whole pages in the WAL",
}
_MIB = 1 << 20


def written(samples: list[Sample], path: Path) -> None:
    """An SVG of one panel for each kind of figure, a line for each table or process."""
    values = [
        {
            "minute": sample["minute"],
            "kind": _TITLES[kind],
            "name": rest or kind,
            "value": value / _MIB if kind in ("table", "memory", "wal") else value,
        }
        for sample in samples
        for name, value in sample.items()
        for kind, _, rest in [name.partition(" ")]
        if kind in _TITLES
    ]
    spec: dict[str, Any] = {
        "data": {"values": values},
        "facet": {"field": "kind", "type": "nominal", "title": None},
        "columns": 2,
        "spec": {
            "width": 420,
            "height": 180,
            "mark": {"type": "line", "point": True},
            "encoding": {
                "x": {"field": "minute", "type": "quantitative", "title": "minute"},
                "y": {"field": "value", "type": "quantitative", "title": None},
                "color": {"field": "name", "type": "nominal", "title": None},
            },
        },
        "resolve": {"scale": {"y": "independent", "color": "independent"}},
    }
    path.write_text(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
