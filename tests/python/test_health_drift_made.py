"""Volume drift on made sources: no false alarms, injected faults, short and spoilt history, changes that last."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from harness import volumes
from harness.volumes import WEEK, Sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    Database = psycopg.Connection[Any]

TUESDAY_9 = 33


def faults(
    db: Database, past: Sequence[float], week: Sequence[float], start: int, lost: Sequence[float]
) -> list[str | None]:
    """What is found in the hours of a fault that begins `start` hours into the week after the past."""
    spoilt = [*past, *week[:start], *lost]
    return volumes.found(db, spoilt, len(past))[start:]


@pytest.mark.parametrize("level", [1, 5, 50, 500])
def test_false_alarms_are_rarer_than_an_hour_in_ten_weeks(db: Database, level: float) -> None:
    sources = Sources(seed=11)
    repetitions = 12
    hours = 0
    for _ in range(repetitions):
        made = sources.hours(level, 9)
        hours += sum(finding is not None for finding in volumes.found(db, made, 8 * WEEK))
    assert hours / repetitions <= 0.1


@pytest.mark.parametrize("weeks", [2, 3, 8])
@pytest.mark.parametrize("level", [5, 50, 500])
def test_a_stop_is_found_within_three_hours(db: Database, level: float, weeks: int) -> None:
    sources = Sources(seed=12)
    for start in (TUESDAY_9, 59, 82, 108):
        made = sources.hours(level, weeks + 1)
        past, week = made[: weeks * WEEK], made[weeks * WEEK :]
        found = faults(db, past, week, start, [0.0] * 3)
        assert {"gap", "drop"} & set(found), start


@pytest.mark.parametrize("weeks", [2, 8])
@pytest.mark.parametrize("level", [50, 500])
def test_a_loss_of_half_is_found_within_a_day(db: Database, level: float, weeks: int) -> None:
    sources = Sources(seed=13)
    for start in (0, 10, TUESDAY_9, 57, 80, 92):
        made = sources.hours(level, weeks + 1)
        past, week = made[: weeks * WEEK], made[weeks * WEEK :]
        assert "drop" in faults(db, past, week, start, sources.kept(week[start : start + 24], 0.5)), start


def test_an_hour_against_mean_and_deviation_finds_no_stop(db: Database) -> None:
    """The control: ten values of the same hour of the week, the last of them 0, are never 3 deviations apart."""
    made = Sources(seed=14).hours(50, 10)
    stopped = [*made[: 9 * WEEK + TUESDAY_9], 0.0, 0.0, 0.0]
    for n in range(9 * WEEK + TUESDAY_9, len(stopped)):
        same = stopped[n % WEEK :: WEEK]
        assert len(same) == 10
        assert abs(stopped[n] - statistics.fmean(same)) < 3 * statistics.stdev(same)
    assert "gap" in volumes.found(db, stopped, 9 * WEEK + TUESDAY_9)


def test_an_old_outage_does_no_harm(db: Database) -> None:
    sources = Sources(seed=15)
    for at in (40, 5 * WEEK):
        made = sources.hours(50, 9)
        made[at : at + 50] = [0.0] * 50
        past, week = made[: 8 * WEEK], made[8 * WEEK :]
        assert not any(volumes.found(db, made, 8 * WEEK))
        assert "gap" in faults(db, past, week, TUESDAY_9, [0.0] * 3)
        assert "drop" in faults(db, past, week, TUESDAY_9, sources.kept(week[TUESDAY_9 : TUESDAY_9 + 24], 0.5))


def test_a_flood_is_a_surge_and_ends_with_it(db: Database) -> None:
    made = Sources(seed=16).hours(50, 9)
    start = 8 * WEEK + TUESDAY_9
    made[start : start + 4] = [10 * one for one in made[start : start + 4]]
    found = volumes.found(db, made, 8 * WEEK)
    assert found[TUESDAY_9] == "surge"
    assert set(found[:TUESDAY_9]) == {None}
    assert set(found[TUESDAY_9 + 36 :]) == {None}


def test_few_items_more_are_no_surge(db: Database) -> None:
    """Twenty at once from a source of five a day stand out, but are no flood."""
    sources = Sources(seed=17)
    for items, surge in ((20.0, False), (60.0, True)):
        made = sources.hours(0.2, 9)
        made[8 * WEEK + TUESDAY_9] = items
        assert ("surge" in volumes.found(db, made, 8 * WEEK)) is surge


def test_a_gap_ends_with_the_first_item(db: Database) -> None:
    made = Sources(seed=18).hours(50, 9)
    start = 8 * WEEK + TUESDAY_9
    made[start : start + 5] = [0.0] * 5
    found = volumes.found(db, made, 8 * WEEK)
    assert found[TUESDAY_9 + 1 : TUESDAY_9 + 5] == ["gap"] * 4
    assert found[TUESDAY_9 + 5] != "gap"


def test_what_is_found_does_not_flicker(db: Database) -> None:
    """Enter and leave levels differ: a loss of half is one finding, not one for each hour that is worse than usual."""
    sources = Sources(seed=19)
    made = sources.hours(50, 9)
    start = 8 * WEEK + TUESDAY_9
    made[start:] = sources.kept(made[start:], 0.5)
    found = volumes.found(db, made, 8 * WEEK)
    assert sum(one is None and other == "drop" for one, other in pairwise(found)) == 1
    assert found[-1] == "drop"


@pytest.mark.parametrize("share", [0.5, 3.0])
def test_what_lasts_is_learned(db: Database, share: float) -> None:
    """Four weeks after it changed for good nothing stands out any more."""
    sources = Sources(seed=20)
    made = sources.hours(50, 9)
    made[5 * WEEK :] = [round(share * one) * 1.0 for one in made[5 * WEEK :]]
    assert not any(volumes.found(db, made, 8 * WEEK))


def test_growth_is_no_surge(db: Database) -> None:
    made = Sources(seed=21).hours(50, 9)
    grown = [float(round(one * 4 ** (n / len(made) * 9 / 16))) for n, one in enumerate(made)]
    assert not any(volumes.found(db, grown, 8 * WEEK))


def test_hours_left_out_teach_nothing_and_raise_nothing(db: Database) -> None:
    sources = Sources(seed=22)
    made: list[float | None] = [*sources.hours(50, 9)]
    plain = db.execute(
        "select to_jsonb(m) - 'history_hours' from syncwell._volume_model(%s::float8[], %s::integer[]) as m",
        [made[: 8 * WEEK], [n % WEEK for n in range(8 * WEEK)]],
    ).fetchall()
    start = 8 * WEEK + TUESDAY_9
    made[start : start + 6] = [None] * 6
    found = volumes.found(db, made, 8 * WEEK)
    assert not any(found)
    # the same hours at nought, not left out, are a gap
    made[start : start + 6] = [0.0] * 6
    assert "gap" in volumes.found(db, made, 8 * WEEK)
    spoilt: list[float | None] = [*made[: 8 * WEEK]]
    spoilt[200:220] = [None] * 20
    model = db.execute(
        "select to_jsonb(m) - 'history_hours' from syncwell._volume_model(%s::float8[], %s::integer[]) as m",
        [spoilt, [n % WEEK for n in range(8 * WEEK)]],
    ).fetchall()
    for one, other in zip(plain[0][0]["rates"], model[0][0]["rates"], strict=True):
        assert other == pytest.approx(one, rel=0.1)
