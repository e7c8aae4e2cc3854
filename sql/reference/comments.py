"""A COMMENT taken apart.

A comment is prose. A clause that begins with the name of a parameter or result column tells of that one; `Errors:` is a
list of SQLSTATEs with what they mean here; all else is what the thing does or is.
"""

import re
from dataclasses import dataclass, field

CODE = re.compile(r"\b(?:SW\d{3}|[0-9][0-9A-Z]{4}|P0001)\b")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_HEAD = re.compile(r"(?P<names>[a-z_]\w*(?:(?:, | and |, and )[a-z_]\w*)*)(?P<rest>.*)", re.S)
# Of several columns at once, by no name of theirs.
_GENERAL = re.compile(r"(?:durations|items|counts|shares)\b")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc)\.$")


@dataclass
class Text:
    """A comment taken apart: what it says of the whole, of each name, of each error."""

    says: str = ""
    names: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def _cut(text: str, marks: str) -> list[str]:
    """Cut at marks followed by a space, but not within brackets or quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth = max(0, depth - 1)
        elif (
            sign in marks
            and not depth
            and text[place + 1 : place + 2] in ("", " ")
            and not _ABBREVIATION.search(text[: place + 1])
        ):
            parts.append(text[start : place + 1].strip())
            start = place + 1
    if text[start:].strip():
        parts.append(text[start:].strip())
    return parts


def _errors(text: str) -> dict[str, str]:
    """Each SQLSTATE of a list, with the words that stand behind it."""
    found: dict[str, str] = {}
    places = [match for match in CODE.finditer(text) if not _inside(text, match.start())]
    for place, match in enumerate(places):
        end = places[place + 1].start() if place + 1 < len(places) else len(text)
        words = text[match.end() : end].strip(" ,;:.")
        words = re.sub(r"(?:^|[,;]? )(?:and|in rows)$", "", words).strip(" ,;")
        if words.startswith("(") and words.endswith(")") and words.count("(") == 1:
            words = words[1:-1]
        found[match[0]] = "; ".join(filter(None, (found.get(match[0]), words)))
    return found


def _inside(text: str, place: int) -> bool:
    return text[:place].count("(") > text[:place].count(")")


def take_apart(comment: str, names: set[str]) -> Text:
    """The parts of a comment of something with these parameters and columns."""
    found, says = Text(), []
    head, mark, tail = comment.partition(" Errors:")
    if mark:
        found.errors = _errors(tail)
    for sentence in _cut(head, "."):
        now: list[str] = []
        rest: list[str] = []
        for clause in _cut(sentence, ";"):
            labels, told = _label(clause, names)
            if labels:
                now = labels
                for label in labels:
                    found.names[label] = _joined(found.names.get(label), told)
            elif now and not _GENERAL.match(clause):
                for label in now:
                    found.names[label] = f"{found.names[label]} {clause}"
            else:
                rest.append(clause)
        if rest:
            says.append(" ".join(rest).rstrip(";") + ("" if rest[-1].endswith(".") else "."))
    found.says = " ".join(says)
    for name in names - found.names.keys():
        # `the newest p_limit (1 to 1000) of p_source (NULL: all)`
        if aside := re.search(rf"\b{name} \(([^()]+)\)", found.says):
            found.names[name] = aside[1]
    found.names = {name: text.rstrip(";. ") for name, text in found.names.items()}
    return found


def _joined(before: str | None, more: str) -> str:
    return more if before is None else f"{before} {more}"


def _label(clause: str, names: set[str]) -> tuple[list[str], str]:
    """The names a clause begins with, and what it says of them; no names where it is about something else."""
    match = _HEAD.match(clause)
    if not match:
        return [], clause
    labels = [name for name in _NAME.findall(match["names"]) if name != "and"]
    if not labels or not set(labels) <= names:
        return [], clause
    rest = match["rest"]
    if rest.startswith(":"):
        return labels, rest[1:].strip()
    if rest.startswith(" = "):
        return labels, rest[3:].strip()
    # `p_mode ignore (default): …`, `age NULL: …`, `p_limit (1 to 1000) …`
    if re.match(r" \(|,? NULL\b", rest) or labels[0].startswith("p_"):
        return labels, rest.strip()
    return [], clause
