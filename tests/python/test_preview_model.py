"""Deltas and cache keys against a plain model of both: any JSON, any order, any spelling of numbers."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

Json = Any
MANY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["1.0", "\\", '"', '\\"1.0', "1.50 ", ".0", "id"]
)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
# few keys, so that sides meet; texts and numbers that are the same key never in one set
KEYS = st.lists(st.integers(0, 12), unique=True, max_size=10)


def written(value: Json, chance: random.Random) -> str:
    """JSON text, each time another one of the same meaning."""
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}:{written(inner, chance)}" for name, inner in value.items()]
        chance.shuffle(members)
        return "{" + chance.choice([",", " , "]).join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(inner, chance) for inner in value) + "]"
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)
    plain = format(value, "f")
    if chance.random() < 0.3 and isinstance(value, int) and value % 10 == 0 and value:
        return f"{value // 10}e1"
    zeros = "0" * chance.randrange(3)
    return plain + ("" if "." in plain else "." if zeros else "") + zeros


def meaning(value: Json) -> Json:
    """Equal for what is equal as JSON: in Python True is 1, and 1 is 1.0."""
    if isinstance(value, dict):
        return frozenset((name, meaning(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return ("array", *(meaning(inner) for inner in value))
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, int | Decimal):
        return ("number", Decimal(value))
    return (type(value).__name__, value)


def key_of(record: dict[str, Json]) -> str:
    return str(record["id"])


def model(current: list[dict[str, Json]], incoming: list[dict[str, Json]]) -> dict[str, Json]:
    """What is wanted, in the plainest way."""
    before = {key_of(record): record for record in current}
    after = {key_of(record): record for record in incoming}
    new = [record for record in incoming if key_of(record) not in before]
    updated = [
        {"id": record["id"], "old_data": before[key_of(record)], "new_data": record}
        for record in incoming
        if key_of(record) in before and meaning(record) != meaning(before[key_of(record)])
    ]
    deleted = [record for record in current if key_of(record) not in after]
    return {
        "new": new,
        "updated": updated,
        "deleted": deleted,
        "statistics": {
            "new_count": len(new),
            "updated_count": len(updated),
            "deleted_count": len(deleted),
            "total_affected": len(new) + len(updated) + len(deleted),
            "unchanged_count": len(incoming) - len(new) - len(updated),
        },
    }


@st.composite
def record_sets(draw: Callable[..., Any]) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
    """Two sets that have something in common, also whole records."""
    contents = st.dictionaries(TEXTS.filter(lambda name: name != "id"), VALUES, max_size=3)
    shared = {key: draw(contents) for key in range(4)}
    sides = []
    for _ in range(2):
        records = []
        for key in draw(KEYS):
            inner = shared[key] if key in shared and draw(st.booleans()) else draw(contents)
            records.append({"id": str(key) if draw(st.booleans()) else key, **inner})
        sides.append(records)
    return sides[0], sides[1]


@MANY
@given(sides=record_sets(), seed=st.integers(0, 2**32))
def test_the_delta_is_the_models_and_its_statistics_are_its_lists(
    db: psycopg.Connection[Any], sides: tuple[list[dict[str, Json]], list[dict[str, Json]]], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    row = db.execute(
        "select syncwell.compute_preview_delta(%s::jsonb, %s::jsonb)::text",
        [written(side, chance) for side in sides],
    ).fetchone()
    assert row is not None
    delta = json.loads(row[0], parse_float=Decimal)
    assert meaning(delta) == meaning(model(*sides))
    counts = delta["statistics"]
    assert [counts[f"{name}_count"] for name in ("new", "updated", "deleted")] == [
        len(delta[name]) for name in ("new", "updated", "deleted")
    ]
    assert counts["total_affected"] == sum(len(delta[name]) for name in ("new", "updated", "deleted"))


@MANY
@given(values=st.lists(VALUES, min_size=2, max_size=6), seed=st.integers(0, 2**32))
def test_keys_are_equal_for_what_is_equal_and_for_nothing_else(
    db: psycopg.Connection[Any], values: list[Json], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    keys: dict[str, Json] = {}
    for value in values * 3:
        row = db.execute("select syncwell.preview_cache_key(%s::jsonb)", [written(value, chance)]).fetchone()
        assert row is not None
        assert keys.setdefault(row[0], meaning(value)) == meaning(value)
    assert len(keys) == len({meaning(value) for value in values})
