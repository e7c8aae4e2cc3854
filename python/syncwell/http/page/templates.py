"""The templates, and what each of them may use."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment

from syncwell import _words as words
from syncwell._look.templates import environment
from syncwell.http.page.static import versioned
from syncwell.http.page.view import SNOOZES, Clock, who

__all__ = ["render"]

_HTMX = {
    "allowEval": False,
    "allowScriptTags": False,
    "historyCacheSize": 0,
    "includeIndicatorStyles": False,
    "refreshOnHistoryMiss": True,
    "selfRequestsOnly": True,
}


@cache
def _environment() -> Environment:
    made = environment(Path(__file__).parent / "templates")
    filters: dict[str, Callable[..., object]] = {
        "count": words.count,
        "milliseconds": words.milliseconds,
        "score": words.score,
        "seconds": words.seconds,
        "share": words.share,
        "speed": words.speed,
        "words": _spaced,
    }
    made.filters.update(filters)
    try:
        number = version("syncwell")
    except PackageNotFoundError:
        number = ""
    told: dict[str, Any] = {
        "htmx_config": json.dumps(_HTMX, separators=(",", ":")),
        "snoozes": SNOOZES,
        "static": versioned,
        "version": number,
        "who": who,
    }
    made.globals.update(told)
    return made


def render(name: str, clock: Clock | None = None, **context: object) -> str:
    """The text of a template; times are told by this clock."""
    told: dict[str, object] = {}
    if clock is not None:
        told = {"ago": clock.ago, "clock": clock.clock, "evidence": partial(words.evidence, time=clock.clock)}
    return _environment().get_template(name).render(view=clock, **told, **context)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
