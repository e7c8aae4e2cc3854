"""Style and scripts, served by this server: nothing is loaded from anywhere else."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from syncwell._look import LOOK
from syncwell.http.problems import Problem

__all__ = ["FILES", "file_answer", "versioned"]

_HERE = Path(__file__).parent / "static"
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
FILES: dict[str, tuple[Path, str]] = {
    "look.css": (LOOK / "look.css", _STYLE),
    "page.css": (_HERE / "page.css", _STYLE),
    "page.js": (_HERE / "page.js", _SCRIPT),
    "htmx.min.js": (_HERE / "vendor" / "htmx.min.js", _SCRIPT),
    "sse.min.js": (_HERE / "vendor" / "sse.min.js", _SCRIPT),
}
"""Name in the address: file, media type."""


@cache
def _read(name: str) -> tuple[bytes, str]:
    data = FILES[name][0].read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:16]


def versioned(name: str) -> str:
    """The name with what tells this file from an older one of the same name."""
    return f"{name}?v={_read(name)[1]}"


def file_answer(request: Request) -> Response:
    """The file; one that is asked for by its version never changes."""
    name = request.path_params["name"]
    if name not in FILES:
        raise Problem(404)
    data, version = _read(name)
    lasting = request.query_params.get("v") == version
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if lasting else "no-cache",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return Response(data, 200, headers, FILES[name][1])
