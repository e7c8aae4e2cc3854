"""What is done wrong on purpose: regular expressions on the text of one file, no parser.

What makes no sense does not install, and is left out then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Comments and the inside of strings: nothing is changed there.
_QUOTED = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_TOKEN = re.compile(
    r"[()\[\];,]|\$\$|\b(?:and|or|then|order|group|limit|for|returning|union|when|where|loop|left|join|cross|having|as"
    r"|window|else|on|from|set|case|end)\b"
)
_TURNED = {
    "<=": ">", ">=": "<", "<": ">=", ">": "<=", "<>": "=", "=": "<>",
    "is null": "is not null", "is not null": "is null",
    "is distinct from": "is not distinct from", "is not distinct from": "is distinct from",
}  # fmt: skip
_NEXT = {"<=": "<", "<": "<=", ">=": ">", ">": ">="}

# start, end and what stands there instead
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Mutation:
    """One edit of one file; `before` and `after` are the lines that it changes."""

    file: str
    operator: str
    text: str
    before: str
    after: str

    @property
    def domain(self) -> str:
        return self.file.split("/")[0]


def masked(text: str) -> str:
    """The text with comments and strings blanked out; every other character stays where it is."""
    return _QUOTED.sub(lambda found: re.sub(r"[^\n']", "_" if found[0][0] == "'" else " ", found[0]), text)


def term_end(code: str, start: int) -> int:
    """Where an expression ends that begins at `start`: before a keyword or a bracket that is not its own."""
    depth, between = 0, False
    for token in _TOKEN.finditer(code, start):
        if token[0] in ("(", "[", "case"):
            depth += 1
        elif depth and token[0] in (")", "]", "end"):
            depth -= 1
        elif depth == 0:
            if token[0] == "and" and "between" in code[start : token.start()] and not between:
                between = True
            elif token[0] != "from" or not code[: token.start()].endswith("distinct "):
                return len(code[: token.start()].rstrip())
    return len(code)


def _predicates(code: str) -> Iterator[Edit]:
    """One of several conditions is left out, or the only one of a WHERE."""
    for found in re.finditer(
        r"(?:\b(where|on|if|when|and|or)\s+|(?<=\s)\()(?!conflict\b|replace\b|delete\b|update\b)", code
    ):
        end = term_end(code, found.end())
        following = re.match(r"\s+(and|or)\s+", code[end:])
        if found[1] in ("and", "or"):
            # the second half of BETWEEN is no condition
            if not re.search(r"\bbetween\s+\S+\s+$", code[: found.start()]):
                yield (len(code[: found.start()].rstrip()), end, "")
        elif following:
            yield (found.end(), end + following.end(), "")
        elif found[1] == "where":
            yield (found.end(), end, "true")


def _conditions(code: str, turned: dict[str, str]) -> Iterator[Edit]:
    """The operator of a comparison, not the sign of an assignment."""
    signs = "|".join(sorted((re.escape(sign) for sign in turned), key=len, reverse=True))
    for found in re.finditer(
        rf"(?:\b(?:where|on|if|when|and|or|not)\s|\()\s*[\w.\[\]]+(?:\([^()]*\))?\s+({signs})(?=\s|$|;|\))", code
    ):
        yield (found.start(1), found.end(1), turned[found[1]])


def _policies(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\bcreate policy [^;]*;", code):
        yield (found.start(), found.end(), "")
        using = re.search(r"\b(using|check) \(", found[0])
        if using:
            start = found.start() + using.end()
            yield (start, _closing(code, start), "true")


def _row_security(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\balter table [\w.]+ enable row level security;", code):
        yield (found.start(), found.end(), "")


def _triggers(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\bcreate (?:constraint )?trigger [^;]*;", code):
        yield (found.start(), found.end(), "")


def _locks(code: str) -> Iterator[Edit]:
    for found in re.finditer(
        r"\s+for (?:no key )?(?:update|share|key share)(?: of \w+)?(?P<skip> skip locked| nowait)?(?=\s|;|\))", code
    ):
        yield (found.start(), found.end(), "")
        if found["skip"]:
            yield (found.start("skip"), found.end("skip"), "")
    for found in re.finditer(r"\bperform pg_advisory_xact_lock\w*\(", code):
        yield (found.start(), code.index(";", found.end()) + 1, "null;")


def _conflicts(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\s+on conflict\b", code):
        end = _clause_end(code, found.end())
        yield (found.start(), end, "")
        update = code.find("do update", found.end(), end)
        if update > 0:
            yield (update, end, "do nothing")


def _grants(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\brevoke all on (function syncwell\.\w+\([^)]*\)) from public;", code):
        yield (found.start(), found.end(), "")
        yield (found.end(), found.end(), f"\ngrant execute on {found[1]} to syncwell_client;")
    for found in re.finditer(r"\bgrant select( \([^)]*\)) on", code):
        yield (found.start(1), found.end(1), "")


def _pins(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\nset search_path = pg_catalog, pg_temp(?=\n)", code):
        yield (found.start(), found.end(), "")
    for found in re.finditer(r"\bsecurity definer\b", code):
        yield (found.start(), found.end(), "security invoker")


def _coalesced(code: str) -> Iterator[Edit]:
    """Only the first argument; the smallest instead of the greatest."""
    for found in re.finditer(r"\bcoalesce\(", code):
        end = _closing(code, found.end())
        comma = term_end(code, found.end())
        if comma < end:
            yield (comma, end, "")
    for found in re.finditer(r"\b(least|greatest)\(", code):
        yield (found.start(1), found.end(1), "least" if found[1] == "greatest" else "greatest")


def _uniques(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\bcreate (unique )index", code):
        yield (found.start(1), found.end(1), "")
    for found in re.finditer(r"\bcheck \(", code):
        yield (found.end(), _closing(code, found.end()), "true")


def _orders(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\border by (?!random)", code):
        end = term_end(code, found.end())
        key = code[found.end() : end]
        if key.endswith(" desc"):
            yield (end - 5, end, "")
        elif not re.search(r" nulls (first|last)$", key):
            yield (end, end, " desc")


def _limits(code: str) -> Iterator[Edit]:
    for found in re.finditer(r"\s+limit\s+(?=\S)", code):
        yield (found.start(), term_end(code, found.end()), "")
    for found in re.finditer(r"\bselect (distinct )(?!on\b)", code):
        yield (found.start(1), found.end(1), "")


def _guards(code: str) -> Iterator[Edit]:
    """What is refused is refused no more; what must not exist may."""
    for found in re.finditer(r"\bif\s+(?=[^;]*?\bthen\s+raise exception)", code):
        end = term_end(code, found.end())
        then = code.index("then", end)
        yield (found.end(), len(code[:then].rstrip()), "false")
    for found in re.finditer(r"\b(not )exists \(", code):
        yield (found.start(1), found.end(1), "")


def _closing(code: str, start: int) -> int:
    """The bracket that closes what is open at `start`."""
    depth = 1
    for found in re.finditer(r"[()]", code[start:]):
        depth += 1 if found[0] == "(" else -1
        if depth == 0:
            return start + found.start()
    return len(code)


def _clause_end(code: str, start: int) -> int:
    """Where the last clause of an INSERT ends."""
    depth = 0
    for found in re.finditer(r"[();]|\breturning\b", code[start:]):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")" and depth:
            depth -= 1
        elif depth == 0:
            return len(code[: start + found.start()].rstrip())
    return len(code)


OPERATORS: dict[str, Callable[[str], Iterator[Edit]]] = {
    "predicate": _predicates,
    "comparison": lambda code: _conditions(code, _TURNED),
    "boundary": lambda code: _conditions(code, _NEXT),
    "policy": _policies,
    "row security": _row_security,
    "trigger": _triggers,
    "lock": _locks,
    "conflict": _conflicts,
    "grant": _grants,
    "pin": _pins,
    "coalesce": _coalesced,
    "constraint": _uniques,
    "order": _orders,
    "limit": _limits,
    "guard": _guards,
}


def is_void(text: str, edit: Edit) -> bool:
    """Whether it grants what is granted already."""
    granted = re.fullmatch(r"\ngrant execute on (function syncwell\.\w+\([^)]*\)) to syncwell_client;", edit[2])
    return (
        granted is not None
        and re.search(rf"grant execute on\s+{re.escape(granted[1])}\s+to [^;]*\bsyncwell_client\b", masked(text))
        is not None
    )


def mutated(file: str, operator: str, text: str, edit: Edit) -> Mutation:
    """The file after one edit."""
    start, end, instead = edit
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    return Mutation(file, operator, text[:start] + instead + text[end:], text[first:last],
                    text[first:start] + instead + text[end:last])  # fmt: skip


def edits(text: str) -> dict[str, list[Edit]]:
    """Every edit of one file, by operator."""
    code = masked(text)
    return {
        name: [(start, end, instead) for start, end, instead in operator(code) if text[start:end] != instead]
        for name, operator in OPERATORS.items()
    }
