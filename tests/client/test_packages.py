"""What the example client installs: exact versions, from whichever registry npm is set up for."""

from __future__ import annotations

import json
import re

from harness import journal


def test_versions_are_exact_and_locked() -> None:
    package = json.loads((journal.FOLDER / "package.json").read_text())
    locked = json.loads((journal.FOLDER / "package-lock.json").read_text())["packages"]
    for name, version in (package["dependencies"] | package["optionalDependencies"]).items():
        assert re.fullmatch(r"(npm:@nozbe/lokijs@)?\d+\.\d+\.\d+(-\w+)?", version)
        assert version.endswith(locked[f"node_modules/{name}"]["version"])
    assert all("integrity" in entry for name, entry in locked.items() if name)


def test_the_lock_names_no_registry() -> None:
    text = (journal.FOLDER / "package-lock.json").read_text()
    assert '"resolved"' not in text
