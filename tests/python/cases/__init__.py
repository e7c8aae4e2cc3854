"""Wrong calls by domain, for test_bad_input: each is refused with its SQLSTATE, and nothing is written."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from harness import Tenants

A, B, NOWHERE = Tenants.org("a"), Tenants.org("b"), Tenants.org("no such org")
MEMBER, OTHER, FOREIGN, NOBODY = (Tenants.id(name) for name in ("a_member", "a_other", "b_member", "no such user"))
UNKNOWN = uuid.UUID(int=7)

MIB = ("password=hunter2 " * 2**16)[: 2**20]
assert len(MIB.encode()) == 2**20


@dataclass(frozen=True)
class Case:
    """`call` as `login`; an argument that is a text in braces stands for what `world` made under that name."""

    name: str
    sqlstate: str
    call: str
    arguments: list[Any] = field(default_factory=list)
    login: str = "a_service"


def each(name: str, sqlstate: str, calls: dict[str, list[Any]], login: str = "a_service") -> list[Case]:
    return [Case(f"{name}: {call.partition('(')[0]}", sqlstate, call, row, login) for call, row in calls.items()]
