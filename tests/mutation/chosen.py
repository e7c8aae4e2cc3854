"""Which mutations are tried, and which tests must fail for each."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.paths import ROOT, SQL, TESTS
from mutation.operators import OPERATORS, Edit, Mutation, edits, is_void, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator

# Tests that are named otherwise than their domain.
ALSO = {
    "core": ["python/test_identity.py", "python/test_security_*.py", "concurrency/test_locks.py"],
    "metrics": ["python/test_sketch.py"],
    "ops": ["python/test_security_*.py"],
}
# Rules that hold for every domain; who reaches what is asked only where that may have changed, since it takes long.
STATICS = "python/test_statics.py"
BAD_INPUT = ["python/test_bad_input.py", "python/test_bad_input_generated.py"]
TENANCY = "python/test_tenancy.py"
_ABOUT_WHO = re.compile(r"org|user|caller|sees|login|role|scope|create policy|row level|grant|revoke|security")
# Whole programs, browsers and benchmarks: they take long and say little of one function.
LEFT_OUT = re.compile(
    r"test_(bench|demo\w*|readme|sql_readme|report\w*|watermelon|chaos|export|delta_pgbouncer|mutation|coverage|cli\w*"
    r"|client_\w+|http_\w+|ops_cron|ops_prometheus|optional_\w+|plpgsql_check|embedded|harness)\.py"
)

# What so many test files name is a word of every day.
_MANY = 8
_OF_STATICS = ("row security", "grant", "pin")


def sources(domain: str) -> list[Path]:
    """What may be mutated: the first partitions are made and forgotten, snapshots and registries are data."""
    files = [*(SQL / domain / "functions").glob("*.sql")]
    files += [SQL / domain / f"{kind}.sql" for kind in ("tables", "views", "policies", "triggers")]
    return sorted(path for path in files if path.exists())


def drawn(domain: str, chance: random.Random) -> Iterator[Mutation]:
    """Mutations of a domain, endlessly: every kind as often as any other, each edit once."""
    texts = {path: path.read_text() for path in sources(domain)}
    found: dict[str, list[tuple[Path, Edit]]] = {name: [] for name in OPERATORS}
    for path, text in texts.items():
        for name, some in edits(text).items():
            found[name] += [(path, edit) for edit in some]
    for candidates in found.values():
        chance.shuffle(candidates)
    while any(found.values()):
        names = [name for name in OPERATORS if found[name]]
        chance.shuffle(names)
        for name in names:
            path, edit = found[name].pop()
            if not is_void(texts[path], edit):
                yield mutated(path.relative_to(SQL).as_posix(), name, texts[path], edit)


@cache
def _texts() -> dict[Path, str]:
    """Every test file of SQL's behaviour, with its text."""
    paths = [*(TESTS / "python").glob("test_*.py"), *(TESTS / "concurrency").glob("test_*.py")]
    return {path: path.read_text() for path in sorted(paths) if not LEFT_OUT.fullmatch(path.name)}


def tests_of(mutation: Mutation) -> list[str]:
    """The tests of the mutation's domain and those that name what is mutated; the likeliest to fail come first."""
    domain = mutation.domain
    paths = [path for path in _texts() if re.match(rf"test_{domain}(_|\.)", path.name)]
    paths += [path for pattern in ALSO.get(domain, []) for path in sorted(TESTS.glob(pattern)) if path not in paths]
    names = re.findall(r"\bsyncwell\.(\w+)", mutation.before)
    if "/functions/" in mutation.file:
        names = [Path(mutation.file).stem]
    naming = [path for path, text in _texts().items() if any(re.search(rf"\b{name}\b", text) for name in names)]
    if len(naming) > _MANY:
        naming = [path for path in naming if path in paths]
    first = [path for path in paths if path in naming]
    rest = [path for path in paths if path not in naming]
    folder = TESTS / "sql" / domain
    own = [path for name in names for path in [folder / f"{name}.test.sql"] if path.exists()]
    sql = sorted(folder.glob("*.test.sql"))
    chosen = [*own, *first, *sql, *naming, TESTS / STATICS, *rest, *(TESTS / path for path in BAD_INPUT)]
    if mutation.operator in _OF_STATICS:
        chosen.insert(0, TESTS / STATICS)
    if _ABOUT_WHO.search(mutation.before + mutation.after):
        chosen.append(TESTS / TENANCY)
    chosen.sort(key=lambda path: path.name == Path(TENANCY).name)
    return [str(path.relative_to(ROOT)) for path in dict.fromkeys(chosen)]
