"""One push of many kinds of records: whatever becomes of one, the others are stored, or the push says which are not."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from harness.synced import NUMBER, create, device, difference, link_of, register, rows

if TYPE_CHECKING:
    from harness import Database, Tenants

SCHEMA = {"notes": {"value": NUMBER}}
DECIDE = """
create function public.decide(server jsonb, client jsonb, changed text[]) returns jsonb language sql immutable as $$
  select case (coalesce(client ->> 'value', '0')::integer) % 3 when 0 then client when 1 then server end
$$
"""
# how many records of a push are new, edited, edited on both sides, edited here and gone, deleted here and edited
MIXES = list(itertools.product((0, 1, 2, 3), (0, 1), (0, 1, 2), (0, 1), (0, 1)))


@pytest.mark.parametrize("policy", ["last_write_wins", "merge_columns", "server_wins", "public.decide"])
def test_conflicts_take_no_other_record_along(database: Database, tenants: Tenants, policy: str) -> None:
    superuser = database.connect(autocommit=True)
    superuser.execute(DECIDE.encode())
    create(superuser, "notes", "(id text primary key, user_id uuid not null, value integer)")
    register(superuser, "notes", columns=["value"], conflict_policy=policy)
    me = tenants.id("a_member")
    phone = device(database, "a_member", SCHEMA)
    for mix, (new, edited, rivalled, gone, deleted) in enumerate(MIXES):
        names = {
            kind: [f"m{mix}-{kind}{number}" for number in range(count)]
            for kind, count in (
                ("new", new), ("edited", edited), ("rivalled", rivalled), ("gone", gone), ("deleted", deleted),
            )
        }  # fmt: skip
        there = [name for kind, ids in names.items() if kind != "new" for name in ids]
        superuser.execute("insert into notes select i, %s, 1 from unnest(%s::text[]) as i", [me, there])
        phone.synchronize()
        for number, name in enumerate(names["new"]):
            phone.create("notes", name, value=number)
        for number, name in enumerate(names["edited"] + names["rivalled"] + names["gone"]):
            phone.edit("notes", name, value=100 + number)
        for name in names["deleted"]:
            phone.delete("notes", name)

        def rival(names: dict[str, list[str]] = names) -> None:
            superuser.execute("update notes set value = 7 where id = any (%s)", [names["rivalled"] + names["deleted"]])
            superuser.execute("delete from notes where id = any (%s)", [names["gone"]])

        phone.synchronize(between=rival)
        assert not phone.dirty
        stored = rows(superuser, "notes", "value", me)
        for number, name in enumerate(names["new"]):
            assert stored.get(name) == {"value": number}, f"{name} of {names} was acknowledged"
        for number, name in enumerate(names["edited"]):
            assert stored[name] == {"value": 100 + number}
        if link_of(phone).pushed:
            answer = link_of(phone).pushed[-1]
            assert len(answer.get("conflicts", [])) == rivalled + gone + deleted or not there
            assert "quarantined" not in answer
        phone.synchronize()
        assert difference(phone.contents("notes"), rows(superuser, "notes", "value", me)) == {}
    assert phone.errors == []
