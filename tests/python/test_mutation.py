"""The mutations mutate: what they change, that what they break is seen, and that they tell what nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.paths import SQL
from mutation.operators import Mutation, edits, is_void, mutated
from mutation.survivors import known, squeezed
from mutation.trial import Trials

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = """create or replace function syncwell.claim(
  p_limit integer
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_limit < 1 then
    raise exception using errcode = '22023', message = 'where a and b';
  end if;
  -- where a and b
  select t.id from syncwell.things as t
  where t.org_id = v_org_id
    and t.run_at between v_from and v_to
    and (t.lease is null or coalesce(t.until, 'x, y') <= v_now)
  order by t.run_at
  limit p_limit
  for update of t skip locked;
  insert into syncwell.others as o (id) values (1)
  on conflict (id) do update set n = o.n + 1
  where o.n < 5;
end
$$;
revoke all on function syncwell.claim(integer) from public;
"""
TABLES = """create table syncwell.things (n integer check (n > 0));
create unique index once on syncwell.things (n);
alter table syncwell.things enable row level security;
create policy own on syncwell.things for select using (n = (select 1));
create trigger watch after insert on syncwell.things for each row execute function syncwell.watch();
"""
POLICY = "using (org_id = (select syncwell.current_org_id()));"
CHANGES = {
    "predicate": [
        "-where t.org_id = v_org_id and t.run_at between v_from and v_to +where t.run_at between v_from and v_to",
        "-and t.run_at between v_from and v_to and (t.lease is null or coalesce(t.until, 'x, y') <= v_now)"
        " +and t.run_at between v_from and v_to",
        "+and (t.lease is null)",
        "+and (coalesce(t.until, 'x, y') <= v_now)",
        "-where o.n < 5; +where true;",
    ],
    "comparison": [
        "-if p_limit < 1 then +if p_limit >= 1 then",
        "+and (t.lease is not null or coalesce(t.until, 'x, y') <= v_now)",
        "+and (t.lease is null or coalesce(t.until, 'x, y') > v_now)",
        "-where o.n < 5; +where o.n >= 5;",
    ],
    "boundary": ["-if p_limit < 1 then +if p_limit <= 1 then"],
    "lock": ["-for update of t skip locked; +for update of t;", "-limit p_limit for update of t skip locked; +limit"],
    "conflict": ["+on conflict (id) do nothing;", "+insert into syncwell.others as o (id) values (1);"],
    "grant": ["from public; grant execute on function syncwell.claim(integer) to syncwell_client;", "from public; +"],
    "pin": ["security definer set search_path = pg_catalog, pg_temp +", "+language plpgsql volatile security invoker"],
    "coalesce": ["coalesce(t.until) <= v_now"],
    "order": ["+order by t.run_at desc"],
    "limit": ["-order by t.run_at limit p_limit +order by t.run_at"],
    "guard": ["+if false then"],
    "constraint": ["check (true)", "+create index once"],
    "row security": ["-alter table syncwell.things enable row level security;"],
    "policy": ["using (true)", "-create policy own"],
    "trigger": ["-create trigger watch"],
}


def changes(operator: str) -> list[str]:
    """What an operator makes of both texts, as one line each."""
    return [
        squeezed(f"-{mutation.before.strip()} +{mutation.after.strip()}")
        for text in (FUNCTION, TABLES)
        for edit in edits(text)[operator]
        for mutation in [mutated("core/x.sql", operator, text, edit)]
    ]


@pytest.mark.parametrize("operator", CHANGES)
def test_an_operator_changes(operator: str) -> None:
    found = changes(operator)
    for change in CHANGES[operator]:
        assert any(change in one for one in found), (change, found)


def test_every_operator_is_tried() -> None:
    assert set(CHANGES) == set(edits(FUNCTION))


def test_comments_texts_and_the_ends_of_ranges_stay() -> None:
    found = [change for operator in CHANGES for change in changes(operator)]
    assert not [change for change in found if "message" in change.partition(" +")[0] or "-- where" in change[:10]]
    assert not [change for change in found if "between v_from )" in change or change.endswith("between v_from")]


def of_file(file: str, old: str, new: str) -> Mutation:
    text = (SQL / file).read_text()
    assert old in text
    return Mutation(file, "predicate", text.replace(old, new, 1), old, new)


def test_what_is_granted_already_is_not_granted_again() -> None:
    """Only one of two functions is the client's: granting the other is a change."""
    text = "".join(f"revoke all on function syncwell.{name}(uuid) from public;\n" for name in ("mine", "yours"))
    text += "grant execute on function syncwell.mine(uuid)\nto syncwell_reader, syncwell_client;\n"
    added = [edit for edit in edits(text)["grant"] if edit[2]]
    assert [is_void(text, edit) for edit in added] == [True, False]


def test_a_mutation_is_caught_and_one_that_changes_nothing_survives(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    tests = ["tests/sql/core/policies.test.sql"]
    wrong = of_file("core/policies.sql", POLICY, "using (true);")
    trial = trials.of(wrong, tests)
    assert (trial.verdict, trial.by) == ("caught", "tests/sql/core/policies.test.sql::policies")
    same = of_file("core/policies.sql", POLICY, POLICY.replace(");", " or false);"))
    assert trials.of(same, tests).verdict == "survived"
    broken = of_file("core/policies.sql", POLICY, "using (nonsense);")
    assert trials.of(broken, tests).verdict == "not installed"


def test_every_known_survivor_is_still_there() -> None:
    gone = [row for row in known().values() if squeezed(row.before) not in squeezed((SQL / row.file).read_text())]
    assert gone == []
    assert all(len(row.reason) > 20 for row in known().values())
