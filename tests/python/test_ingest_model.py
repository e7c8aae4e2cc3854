"""A device sends everything again and again, in random order and slices: the tables end up the same."""

from __future__ import annotations

import datetime
import itertools
import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness import set_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg

_EXAMPLES = os.environ.get("SYNCWELL_EXAMPLES")
_SETTINGS = settings(
    max_examples=int(_EXAMPLES or 25),
    derandomize=_EXAMPLES is None,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
START = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
_NUMBERS = itertools.count(1)
TABLES = {
    "event": """
        select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from (
          select e::text from syncwell.data_events as e union all select k::text from syncwell.data_event_keys as k
          union all select h::text from syncwell.event_hours as h
        ) as t
    """,
    "reading": """
        select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from (
          select r::text from syncwell.session_records as r union all select c::text from syncwell.session_counts as c
        ) as t
    """,
}
HOURS = """
select
  coalesce((select jsonb_object_agg(hour, events) from syncwell.event_hours), '{}')
  = coalesce((
    select jsonb_object_agg(hour, events) from (
      select date_trunc('hour', occurred_at, 'UTC') as hour, count(*) as events from syncwell.data_events
      where data_source is distinct from 'mock' group by 1
    ) as t
  ), '{}')
"""
COUNTS = """
select bool_and(
  (c.records, c.mock_records, c.spo2_count, c.spo2_sum, c.spo2_min, c.spo2_max, c.first_at, c.last_at)
  is not distinct from
  (r.records, r.mock_records, r.spo2_count, r.spo2_sum, r.spo2_min, r.spo2_max, r.first_at, r.last_at)
)
from syncwell.session_counts as c
join lateral (
  select
    count(*) as records, count(*) filter (where is_mock) as mock_records,
    count(spo2) filter (where not is_mock) as spo2_count,
    coalesce(sum(spo2::numeric) filter (where not is_mock), 0) as spo2_sum,
    min(spo2) filter (where not is_mock) as spo2_min, max(spo2) filter (where not is_mock) as spo2_max,
    min(occurred_at) as first_at, max(occurred_at) as last_at
  from (select *, data_source is not distinct from 'mock' as is_mock from syncwell.session_records) as t
  where t.session_id = c.session_id and t.kind = c.kind
) as r on true
"""


@dataclass(frozen=True)
class Version:
    """`key` tells events or records apart; the seconds count from START."""

    key: int
    value: int
    written: int
    month: int = 0
    mock: bool = False

    def event(self) -> dict[str, Any]:
        day = START.replace(month=2 - self.month if self.month < 2 else 12, year=2026 if self.month < 2 else 2025)
        occurred = day + datetime.timedelta(minutes=37 * self.key + self.month)
        return {
            "external_id": f"e{self.key}",
            "occurred_at": occurred.isoformat(),
            "written_at": (START + datetime.timedelta(seconds=self.written)).isoformat(),
            "value": self.value,
            **({"data_source": "mock"} if self.mock else {}),
        }

    def reading(self) -> dict[str, Any]:
        return {
            "occurred_at": (START + datetime.timedelta(seconds=self.key - 3600)).isoformat(),
            "written_at": (START + datetime.timedelta(seconds=self.written)).isoformat(),
            "spo2": 90 + self.value / 10,
            **({"data_source": "mock"} if self.mock else {}),
        }


VERSIONS = st.lists(
    st.builds(
        Version,
        key=st.integers(0, 3),
        value=st.integers(0, 2),
        written=st.integers(-6, 6),
        month=st.integers(0, 2),
        mock=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=14,
)


def slices(draw: Callable[[Any], Any], versions: Sequence[Version]) -> list[list[Version]]:
    """All of them in any order, some of them more than once, cut into batches."""
    shuffled = draw(st.permutations([*versions, *draw(st.lists(st.sampled_from(list(versions)), max_size=6))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    return [list(shuffled[a:b]) for a, b in itertools.pairwise([0, *cuts, len(shuffled)])]


class Server:
    """The database, seen from a device whose batches arrive at `clock` seconds after START."""

    def __init__(self, db: psycopg.Connection[Any], kind: str) -> None:
        self.db, self.kind, self.name = db, kind, f"s{next(_NUMBERS)}"
        db.execute("select syncwell.bind_login(session_user, 'user', test.org('a'), test.id('a_member'))")

    def value(self, query: str) -> Any:
        row = self.db.execute(query).fetchone()
        assert row is not None
        return row[0]

    def send(self, batch: list[Version], clock: int) -> dict[str, Any]:
        set_clock(self.db, START + datetime.timedelta(seconds=clock))
        rows = [version.event() if self.kind == "event" else version.reading() for version in batch]
        target = "p_source" if self.kind == "event" else "p_session"
        row = self.db.execute(
            f"select syncwell.ingest_batch(%s, %s, {target} => %s, p_record => false)",
            [self.kind, json.dumps(rows), self.name],
        ).fetchone()
        assert row is not None
        answer: dict[str, Any] = row[0]
        assert answer["rejected"] == 0
        assert answer["received"] == len(batch) == sum(answer[part] for part in ("inserted", "duplicates", "updated"))
        return answer

    def state(self) -> Any:
        return self.value(TABLES[self.kind])

    def stored(self) -> dict[Any, Any]:
        if self.kind == "event":
            query = "select external_id, (payload ->> 'value')::integer from syncwell.data_events"
        else:
            query = "select 'e' || extract(epoch from occurred_at)::bigint, spo2 from syncwell.session_records"
        return dict(self.db.execute(query).fetchall())

    def counted(self) -> Any:
        return self.value(HOURS if self.kind == "event" else COUNTS)


@pytest.mark.parametrize("kind", ["event", "reading"])
def test_resends_change_nothing(db: psycopg.Connection[Any], kind: str) -> None:
    """Clocks are behind, ahead, or say the same of several versions; once all have arrived, nothing moves any more."""

    @_SETTINGS
    @given(st.data(), VERSIONS)
    def history(data: st.DataObject, versions: list[Version]) -> None:
        with db.transaction(force_rollback=True):
            server = Server(db, kind)
            clock = 0
            inserted = 0
            for batch in slices(data.draw, versions):
                inserted += server.send(batch, clock)["inserted"]
                clock += data.draw(st.integers(0, 3))
            assert inserted == len({version.key for version in versions}) == len(server.stored())
            assert server.counted()
            before = server.state()
            for _ in range(10):
                for batch in slices(data.draw, versions):
                    answer = server.send(batch, clock)
                    assert answer["inserted"] == answer["updated"] == 0
                    clock += data.draw(st.integers(0, 3))
            assert server.state() == before

    history()


@pytest.mark.parametrize("kind", ["event", "reading"])
def test_the_last_write_wins_in_any_order(db: psycopg.Connection[Any], kind: str) -> None:
    """Of versions written at different times, by a clock that is right, the newest counts, however they arrive."""

    @_SETTINGS
    @given(st.data(), VERSIONS)
    def history(data: st.DataObject, versions: list[Version]) -> None:
        different = list({(version.key, version.written): version for version in versions}.values())
        newest = {version.key: version for version in sorted(different, key=lambda version: version.written)}
        with db.transaction(force_rollback=True):
            server = Server(db, kind)
            totals: Counter[str] = Counter()
            for batch in slices(data.draw, different):
                totals.update({k: v for k, v in server.send(batch, 60).items() if isinstance(v, int)})
            stored = server.stored()
            assert sorted(stored.values()) == sorted(
                version.value if kind == "event" else 90 + version.value / 10 for version in newest.values()
            )
            if kind == "event":
                assert stored == {f"e{key}": version.value for key, version in newest.items()}
            assert totals["inserted"] == len(newest)
            assert server.counted()

    history()


def test_slices_do_not_matter(db: psycopg.Connection[Any]) -> None:
    """A batch means what its rows mean one after the other, the earlier written first."""

    @_SETTINGS
    @given(st.data(), VERSIONS, st.sampled_from(["event", "reading"]))
    def history(data: st.DataObject, versions: list[Version], kind: str) -> None:
        cut = data.draw(st.integers(0, len(versions)))
        states = []
        for together in (True, False):
            with db.transaction(force_rollback=True):
                server = Server(db, kind)
                server.send(versions[:cut], 0)
                rest = versions[cut:]
                if together:
                    server.send(rest, 2)
                else:
                    for version in sorted(rest, key=lambda version: (min(version.written, 2), version.written)):
                        server.send([version], 2)
                states.append((server.stored(), server.counted()))
        assert states[0] == states[1]

    history()
