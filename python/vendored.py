"""A build hook of hatchling's: puts the scripts of others that the dashboard serves into the package.

They come out of a package of the registry, which is needed to build and never to run; see pyproject.toml for its
version. What is there already, from a build before or in a source archive, is kept where it is the same.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = Path("python/syncwell/http/page/static/vendor")
FILES = {
    "htmx.min.js": (
        "static/django_htmx/htmx-2.min.js",
        "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de",
    ),
    "sse.min.js": (
        "static/django_htmx/ext/hx-sse-2.min.js",
        "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
    ),
}
"""Name here: name in the package, SHA-256."""

LICENSE = """\
htmx.min.js is htmx 2.0.10, sse.min.js its extension for server-sent events (https://htmx.org), both under the
Zero-Clause BSD license:

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
"""


class Vendored(BuildHookInterface):  # type: ignore[type-arg]
    """The hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files are collected."""
        del version, build_data
        put(Path(self.root) / TARGET)


def put(target: Path) -> None:
    """Put the files there.

    Raises:
        RuntimeError: they are not to be had, or not what they should be.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name, (source, wanted) in FILES.items():
        file = target / name
        if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == wanted:
            continue
        found = find_spec("django_htmx")
        if found is None or not found.submodule_search_locations:
            raise RuntimeError(f"{name} comes out of django-htmx: pip install --no-deps django-htmx")
        data = (Path(found.submodule_search_locations[0]) / source).read_bytes()
        if hashlib.sha256(data).hexdigest() != wanted:
            raise RuntimeError(f"{source} of django-htmx is not what it was: see python/vendored.py")
        file.write_bytes(data)
    (target / "LICENSE").write_text(LICENSE, encoding="utf-8")
