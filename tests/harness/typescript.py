"""TypeScript compiled as strictly as it can be, by the package that a client of the tests names."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from harness import node
from harness.paths import TESTS

if TYPE_CHECKING:
    from pathlib import Path

TYPED = TESTS / "client" / "typed"


def compiled(folder: Path, *sources: str, **files: str) -> Path:
    """Compile the typed client's own sources, files given as text by their stems, and JavaScript that is there already.

    Returns: where the JavaScript lies. Raises: AssertionError with what the compiler says.
    """
    compiler = node.find(TYPED)
    for name in (*sources, "tsconfig.json"):
        shutil.copy(TYPED / name, folder)
    for stem, text in files.items():
        (folder / f"{stem}.ts").write_text(text, encoding="utf-8")
    javascript = [path.name for path in folder.glob("*.js")]
    config = (folder / "tsconfig.json").read_text()
    inputs = ", ".join(f'"{name}"' for name in [*sources, *(f"{stem}.ts" for stem in files), *javascript])
    (folder / "tsconfig.json").write_text(
        config.replace('"files": ["example.ts"]', f'"files": [{inputs}]').replace(
            '"types": []', '"types": [], "allowJs": true, "checkJs": true'
        )
    )
    tsc = compiler.folder / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [compiler.executable, str(tsc), "-p", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder / "built"
