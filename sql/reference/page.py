"""The text of REFERENCE.md."""

import re
from pathlib import Path
from typing import Any

from .comments import Text, take_apart
from .words import CHANNELS, DOMAIN_TITLES, HOMES, STANDARD, WORDS

HEAD = Path(__file__).parent / "head.md"
EXAMPLES = Path(__file__).parent / "examples"
ROLES = ("client", "reader", "worker", "gateway", "operator")
VOLATILITY = {"v": "volatile", "s": "stable", "i": "immutable"}


def examples(folder: Path = EXAMPLES) -> dict[str, str]:
    """The example of each function by its name: what follows a line `--! name`."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        for name, text in re.findall(r"^--! (\w+)\n(.*?)(?=^--! |\Z)", path.read_text(encoding="utf-8"), re.M | re.S):
            if name in found:
                raise ValueError(f"{path.name}: {name} has an example already")
            found[name] = text.strip()
    return found


class Page:
    """One reading of the catalog; `homes` says in which domain's folder each name is defined."""

    def __init__(self, catalog: dict[str, Any], homes: dict[str, str], shown: dict[str, str]) -> None:
        self.catalog = catalog
        self.homes = homes
        self.shown = shown
        self.functions: list[dict[str, Any]] = catalog["functions"]
        self.relations: list[dict[str, Any]] = [one for one in catalog["relations"] if one["readers"]]
        self.errors = {one["sqlstate"]: one for one in catalog["errors"]}
        self._columns = {
            (one["name"], column["name"]): column["comment"]
            for one in catalog["relations"]
            for column in one["columns"]
        }

    # --- what is missing ---------------------------------------------------------------------------------------------

    def missing(self) -> list[str]:
        """What a reader would look for in vain: a parameter, column or error without a word, a missing example."""
        found = []
        for one in self.functions:
            name, text = one["name"], self.taken_apart(one)
            for argument in self.inputs(one):
                if not re.search(rf"\b{argument['name']}\b", one["comment"]):
                    found.append(f"{name}: the comment does not name {argument['name']}")
            for column in self.outputs(one):
                if not self.meaning(one, column["name"], text):
                    found.append(f"{name}: nothing says what the column {column['name']} is")
            for code in text.errors:
                if code not in self.errors and code not in STANDARD:
                    found.append(f"{name}: {code} has no name")
            if name not in self.shown:
                found.append(f"{name}: no example")
            if name not in self.homes:
                found.append(f"{name}: defined in no domain")
        for one in self.relations:
            found += [f"{one['name']}: no comment"] if not one["comment"] else []
            found += [f"{one['name']}.{c['name']}: no comment" for c in one["columns"] if not c["comment"]]
        names = {one["name"] for one in self.functions}
        found += [f"{name}: an example of no function" for name in self.shown.keys() - names]
        found += [
            f"{name}: a channel without a description" for name in set(self.catalog["channels"]) ^ CHANNELS.keys()
        ]
        return found

    def inputs(self, one: dict[str, Any]) -> list[dict[str, Any]]:
        """The parameters."""
        return [argument for argument in one["arguments"] if argument["mode"] in "ibv"]

    def outputs(self, one: dict[str, Any]) -> list[dict[str, Any]]:
        """The columns of the result; none for a single value."""
        return [argument for argument in one["arguments"] if argument["mode"] in "otb"]

    def taken_apart(self, one: dict[str, Any]) -> Text:
        """The function's comment."""
        return take_apart(one["comment"], {argument["name"] for argument in one["arguments"]})

    def meaning(self, one: dict[str, Any], column: str, text: Text) -> str:
        """What a result column is: by the function's comment, else as the table says from which it is read."""
        if column in text.names:
            return text.names[column]
        for table in HOMES.get(one["name"], ()):
            if told := self._columns.get((table, column)):
                return told.rstrip(".")
            if column.endswith("_id") and (told := self._columns.get((table, "id"))):
                return told.rstrip(".")
        if told := self.word(one, column):
            return told
        return "as above" if re.search(rf"\b{column}\b", text.says) else ""

    def word(self, one: dict[str, Any], name: str) -> str | None:
        """What a name means in this function, or everywhere."""
        return WORDS.get(f"{one['name']}.{name}") or WORDS.get(name)

    # --- the page ----------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """All of it."""
        domains = [domain for domain in DOMAIN_TITLES if domain in self.homes.values()]
        parts = [HEAD.read_text(encoding="utf-8"), self.index(domains)]
        for domain in domains:
            parts.append(f"## {DOMAIN_TITLES[domain]}\n")
            parts += [self.function(one) for one in self.functions if self.homes[one["name"]] == domain]
            parts += [self.relation(one) for one in self.relations if self.homes[one["name"]] == domain]
        parts += [self.settings(), self.channels(), self.all_errors()]
        return self.linked("\n".join(parts))

    def linked(self, text: str) -> str:
        """With a link wherever a function is named, but in code."""
        names = {one["name"] for one in self.functions}

        def link(match: re.Match[str]) -> str:
            return f"[{match[0]}](#{match[1]})" if match[1] in names else match[0]

        parts = re.split(r"(^```.*?^```$|`[^`\n]*`)", text, flags=re.M | re.S)
        return "".join(
            part if place % 2 else re.sub(r"\b([a-z]\w*)\(\)", link, part) for place, part in enumerate(parts)
        )

    def index(self, domains: list[str]) -> str:
        """What there is, by domain."""
        lines = ["## Index\n", "| domain | functions | tables and views |", "|---|---|---|"]
        for domain in domains:
            cells = [
                ", ".join(f"[{one['name']}](#{one['name']})" for one in rows if self.homes[one["name"]] == domain)
                for rows in (self.functions, self.relations)
            ]
            title = DOMAIN_TITLES[domain]
            lines.append(f"| [{title}](#{anchor(title)}) | {cells[0]} | {cells[1]} |")
        lines.append("\nAnd: [settings by key](#settings-by-key), [channels](#channels), [errors](#errors).\n")
        return "\n".join(lines)

    def function(self, one: dict[str, Any]) -> str:
        """A function: how it is called, what it does, its parameters, results, errors, an example."""
        text, inputs, outputs = self.taken_apart(one), self.inputs(one), self.outputs(one)
        lines = [f"### {one['name']}\n", "```sql", signature(one, inputs, outputs), "```\n"]
        callers = ", ".join(role for role in ROLES if role in one["callers"]) or "owner"
        procedure = "procedure, " if one["kind"] == "p" else ""
        how = f"{procedure}{VOLATILITY[one['volatility']]}, {'definer' if one['is_definer'] else 'invoker'}"
        lines.append(f"may call: {callers} · {how}\n")
        if text.says:
            lines.append(f"{prose(text.says)}\n")
        if inputs:
            lines += ["| parameter | type | default | |", "|---|---|---|---|"]
            for argument in inputs:
                told = text.names.get(argument["name"]) or self.word(one, argument["name"]) or "as above"
                default = f"`{value(argument['default'])}`" if argument["default"] is not None else "needed"
                lines.append(f"| `{argument['name']}` | {short(argument['type'])} | {cell(default)} | {cell(told)} |")
            lines.append("")
        if outputs:
            lines += [f"| {'column' if one['is_set'] else 'member of the row'} | type | |", "|---|---|---|"]
            lines += [
                f"| `{column['name']}` | {short(column['type'])} | {cell(self.meaning(one, column['name'], text))} |"
                for column in outputs
            ]
            lines.append("")
        if text.errors:
            lines += ["| error | HTTP | |", "|---|---|---|"]
            for code, words in text.errors.items():
                name, status, meaning = self.error(code)
                lines.append(f"| `{code}` {name} | {status} | {cell(words or meaning)} |")
            lines.append("")
        lines += ["```sql", self.shown.get(one["name"], ""), "```\n"]
        return "\n".join(lines)

    def relation(self, one: dict[str, Any]) -> str:
        """A table or view: who may read it, and the columns they may read."""
        kind = {"r": "table", "p": "table, a partition a month", "v": "view"}[one["kind"]]
        readers = ", ".join(role for role in ROLES if role in one["readers"])
        lines = [f"### {one['name']}\n", f"{kind} · may read: {readers}\n", f"{prose(one['comment'])}\n"]
        lines += ["| column | type | |", "|---|---|---|"]
        lines += [
            f"| `{column['name']}` | {short(column['type'])} | {cell(column['comment'])} |"
            for column in one["columns"]
            if column["is_readable"]
        ]
        return "\n".join([*lines, ""])

    def settings(self) -> str:
        """Every setting."""
        lines = [
            "## Settings by key\n",
            "Set by [set_setting](#set_setting), read by [get_setting](#get_setting) and"
            " [settings_effective](#settings_effective).\n",
            "| key | kind | default | bounds | |",
            "|---|---|---|---|---|",
        ]
        for one in self.catalog["settings"]:
            bounds = " to ".join(filter(None, (one["minimum"], one["maximum"]))) or ", ".join(one["allowed"] or [])
            default = f"`{one['default_value']}`" if one["default_value"] else "(none)"
            unit = f" ({one['unit']})" if one["unit"] else ""
            told = f"{cell(one['description'])}{unit}"
            lines.append(f"| `{one['key']}` | {one['kind']} | {cell(default)} | {cell(bounds)} | {told} |")
        return "\n".join([*lines, ""])

    def channels(self) -> str:
        """What LISTEN hears."""
        lines = [
            "## Channels\n",
            "Any role can LISTEN: payloads hold ids and nothing else, and NOTIFY has no history: read the state after"
            " LISTEN, and again after each notification.\n",
            "| channel | payload | when |",
            "|---|---|---|",
        ]
        lines += [f"| `{name}` | {payload} | {when} |" for name, (payload, when) in sorted(CHANNELS.items())]
        return "\n".join([*lines, ""])

    def error(self, code: str) -> tuple[str, int, str]:
        """Name, HTTP status and meaning of a SQLSTATE."""
        if code in self.errors:
            one = self.errors[code]
            return one["name"], one["http_status"], one["description"]
        return STANDARD[code]

    def all_errors(self) -> str:
        """Every SQLSTATE, and which functions raise it."""
        raised: dict[str, list[str]] = {}
        for one in self.functions:
            for code in self.taken_apart(one).errors:
                raised.setdefault(code, []).append(one["name"])
        lines = [
            "## Errors\n",
            "Compare the SQLSTATE, never the text. Class SW is syncwell's own (table `error_codes`), the others are"
            " PostgreSQL's.\n",
            "| SQLSTATE | name | HTTP | meaning | raised by |",
            "|---|---|---|---|---|",
        ]
        for code in sorted({*self.errors, *raised}):
            name, status, meaning = self.error(code)
            by = raised.get(code, [])
            # a migration's own, or what nearly all raise
            where = ", ".join(f"[{one}](#{one})" for one in by) if len(by) <= 12 else f"{len(by)} functions"
            lines.append(f"| `{code}` | {name} | {status} | {cell(meaning)} | {where or 'migrations'} |")
        return "\n".join([*lines, ""])


def signature(one: dict[str, Any], inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> str:
    """As it is called, with types and defaults, and what it returns."""
    arguments = [
        f"{a['name']} {short(a['type'])}" + ("" if a["default"] is None else f" = {value(a['default'])}")
        for a in inputs
    ]
    call = f"{'call ' if one['kind'] == 'p' else ''}{one['name']}({', '.join(arguments)})"
    if len(call) > 100:
        call = f"{one['name']}(\n  " + ",\n  ".join(arguments) + "\n)"
    if one["kind"] == "p":
        return call
    if outputs:
        return f"{call} -> {'rows' if one['is_set'] else 'one row'}"
    returns = "nothing" if one["returns"] == "void" else short(one["returns"])
    return f"{call} -> {'rows of ' if one['is_set'] else ''}{returns}"


def short(kind: str) -> str:
    """A type as people write it."""
    return kind.replace("timestamp with time zone", "timestamptz")


def value(default: str) -> str:
    """A default without the type that it is cast to."""
    text = re.sub(r"::[a-z][a-z ]*(?:\[\])?", "", default)
    return "null" if text == "NULL" else text


def prose(text: str) -> str:
    """Text in which Markdown reads nothing but text, parameters and settings."""
    return re.sub(r"(?<![`\w.])(p_\w+)", r"`\1`", re.sub(r"([<>*|\[\]])", r"\\\1", text))


def cell(text: str) -> str:
    """Text in a cell of a table; code in backquotes stays as it is."""
    parts = re.split(r"(`[^`]*`)", text.replace("\n", " "))
    return "".join(part.replace("|", "\\|") if place % 2 else prose(part) for place, part in enumerate(parts))


def anchor(title: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
