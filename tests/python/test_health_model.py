"""Histories of runs, silences of the evaluator, windows and clocks, made by hypothesis, against a plain model.

Without hysteresis (pending_for = keep_for = 0) what evaluate_health() decides is what the model says of each stream
from the list of its runs alone. With or without it the books balance: see `balanced`.

SYNCWELL_EXAMPLES: how many histories (default: a few, always the same ones; with it they are new ones every time).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.monitored import Monitored

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from harness import Cluster, Tenants

EXAMPLES = int(os.environ.get("SYNCWELL_EXAMPLES", "0"))
TICK = timedelta(minutes=5)
STATUSES = ("unknown", "healthy", "late", "degraded", "unhealthy")
SEVERITIES = ("info", "warning", "critical")
PARTS = ("good_seconds", "down_seconds", "unknown_seconds", "excluded_seconds", "paused_seconds")

# who has it, and how often it is to succeed
STREAMS: dict[str, tuple[str, timedelta | None]] = {
    "hourly": ("a_member", timedelta(hours=1)),
    "quick": ("a_member", timedelta(minutes=20)),
    "daily": ("a_other", timedelta(days=1)),
    "free": ("a_other", None),
}
SOURCE = st.sampled_from(sorted(STREAMS))
MINUTES = st.one_of(st.integers(1, 10), st.integers(1, 120), st.integers(1, 3000))
ACTION = st.one_of(
    st.tuples(
        st.just("run"), SOURCE, st.sampled_from(["success", "success", "failed", "failed", "partial", "cancelled"])
    ),
    st.tuples(st.just("tick"), st.integers(1, 9)),
    st.tuples(st.just("tick"), st.integers(1, 9)),
    st.tuples(st.just("ticks"), st.integers(3, 30)),
    st.tuples(st.just("silence"), MINUTES),
    st.tuples(st.just("back"), MINUTES),
    st.tuples(st.just("pause"), SOURCE, st.integers(5, 200)),
    st.tuples(st.just("exclude"), SOURCE, st.integers(5, 200)),
    st.tuples(
        st.just("cancel"),
    ),
)
HANDLING = st.one_of(
    ACTION,
    ACTION,
    st.tuples(st.just("acknowledge"), st.integers(0, 3)),
    st.tuples(st.just("snooze"), st.integers(0, 3), st.integers(1, 60)),
    st.tuples(st.just("mute"), SOURCE, st.integers(5, 100)),
    st.tuples(st.just("quiet"), SOURCE, st.integers(5, 100)),
)


@dataclass
class Stream:
    """What the model knows of one."""

    interval: timedelta | None
    registered: datetime | None
    created: datetime
    runs: list[tuple[datetime, str]] = field(default_factory=list)

    def status(
        self, now: datetime, judge_from: datetime | None, expect_from: datetime | None, *, paused: bool
    ) -> tuple[str, bool]:
        """As 07-health.md tells it, from the runs alone; and whether it is overdue."""
        told = [(at, outcome) for at, outcome in self.runs if outcome != "cancelled"]
        successes = [at for at, outcome in told if outcome in ("success", "partial")]
        outcomes = [outcome in ("success", "partial") for _, outcome in told]
        failures = next((n for n, well in enumerate(reversed(outcomes)) if well), len(outcomes))
        late = stale = False
        anchor = successes[-1] if successes else self.registered or (self.created if self.runs else None)
        interval = self.interval or (timedelta(hours=24) if self.runs else None)
        if not paused and anchor and interval:
            anchor = max(anchor, expect_from or anchor)
            grace = max(timedelta(minutes=5), interval / 10) if self.interval else timedelta(0)
            late_at = anchor + interval + grace
            stale_at = max(anchor + 3 * interval, late_at + interval)
            if judge_from:
                late_at = max(late_at, judge_from + grace)
                stale_at = max(stale_at, late_at)
            late, stale = now > late_at, now > late_at and now >= stale_at
        if failures >= 3 or stale:
            return "unhealthy", late
        if failures or (self.runs and self.runs[-1][1] == "partial") or not all(outcomes[-2:]):
            return "degraded", late
        if late:
            return "late", late
        return ("healthy" if outcomes else "unknown"), late


class World:
    """The org and the model of it."""

    def __init__(self, org: Monitored) -> None:
        self.org = org
        self.streams: dict[str, Stream] = {}
        self.pauses: list[tuple[str, datetime, datetime, uuid.UUID]] = []
        self.evaluated: datetime | None = None
        self.judge_from: datetime | None = None
        self.expected: dict[str, str] = {}
        self.late: set[str] = set()
        # overdue since before a time when nobody evaluated: it stays what it was until it is overdue again
        self.held: set[str] = set()
        self.handled = False

    def start(self, hysteresis: dict[str, str]) -> None:
        self.org.again()
        for key, value in hysteresis.items():
            self.org.call("set_setting", "a_admin", p_key=key, p_value=value)
        for source, (who, interval) in STREAMS.items():
            if interval:
                self.org.register(source, who, p_expected_interval=interval)
                self.streams[source] = Stream(interval, self.org.now, self.org.now)

    def do(self, action: tuple[Any, ...]) -> None:
        kind, *rest = action
        getattr(self, f"_{kind}")(*rest)

    def judge(self) -> None:
        """What is to be decided now."""
        now = self.org.now
        for source, stream in self.streams.items():
            pauses = [(start, end) for name, start, end, _ in self.pauses if name == source]
            ended = [end for _, end in pauses if end <= now]
            paused = any(start <= now < end for start, end in pauses)
            status, late = stream.status(now, self.judge_from, max(ended, default=None), paused=paused)
            moved = (
                any(at > self.judge_from and outcome in ("success", "partial") for at, outcome in stream.runs)
                if (self.judge_from)
                else False
            )
            if late or paused or moved or any(end > self.judge_from for end in ended if self.judge_from):
                self.held.discard(source)
            if source in self.held:
                status = max(status, self.expected[source], key=STATUSES.index)
            elif late:
                self.late.add(source)
            else:
                self.late.discard(source)
            self.expected[source] = status

    def decided(self) -> dict[str, str]:
        """What the evaluator has decided."""
        return {
            row["source"]: row["status"] for row in self.org.rows("select source, status from syncwell.stream_states")
        }

    def _run(self, source: str, outcome: str) -> None:
        self.org.wait(seconds=1)
        who, interval = STREAMS[source]
        if source not in self.streams:
            self.streams[source] = Stream(interval, None, self.org.now)
        self.org.run(source, outcome, who)
        self.streams[source].runs.append((self.org.now, outcome))

    def _tick(self, minutes: int) -> None:
        self.org.wait(minutes=minutes)
        self.evaluate()

    def _ticks(self, count: int) -> None:
        for _ in range(count):
            self._tick(5)

    def _silence(self, minutes: int) -> None:
        """Nobody evaluates for so long; then somebody does."""
        self._tick(minutes)

    def evaluate(self) -> None:
        now, before = self.org.now, self.evaluated
        tick = self.org.evaluate()
        if before is not None and now - before > 2 * TICK:
            self.judge_from = now
            self.held |= self.late
            assert tick["blind"] == now - before
        self.evaluated = now
        self.judge()
        snapshot = self.org.snapshot()
        again = self.org.evaluate()
        assert not any(again[count] for count in ("moved", "opened", "reopened", "resolved")), dict(again)
        assert self.org.snapshot() == snapshot, "a second call at the same instant changes nothing"

    def _back(self, minutes: int) -> None:
        if self.evaluated is None:
            return
        now, before = self.org.now, self.org.snapshot()
        self.org.move_to(self.evaluated - timedelta(minutes=minutes))
        assert self.org.evaluate()["streams"] == 0
        assert self.org.snapshot() == before
        self.org.move_to(now)

    def _window(self, mode: str, source: str, minutes: int) -> Any:
        # what it muted is told again after it
        self.handled = True
        end = self.org.now + timedelta(minutes=minutes)
        (row,) = self.org.call(
            "maintenance_window", "a_admin", p_starts_at=self.org.now, p_ends_at=end, p_mode=mode, p_source=source
        )
        return end, row["maintenance_window"]

    def _pause(self, source: str, minutes: int) -> None:
        end, window = self._window("pause", source, minutes)
        self.pauses.append((source, self.org.now, end, window))

    def _exclude(self, source: str, minutes: int) -> None:
        self._window("exclude", source, minutes)

    def _mute(self, source: str, minutes: int) -> None:
        self._window("mute", source, minutes)

    def _quiet(self, source: str, minutes: int) -> None:
        self.handled = True
        until = self.org.now + timedelta(minutes=minutes)
        self.org.call("silence", "a_admin", p_matcher={"source": source}, p_until=until)

    def _cancel(self) -> None:
        """The pause that was asked for last, if it is on."""
        on = [place for place, (_, start, end, _) in enumerate(self.pauses) if start <= self.org.now < end]
        if on:
            source, start, _, window = self.pauses[on[-1]]
            self.org.call("cancel_maintenance_window", "a_admin", p_window_id=window)
            self.pauses[on[-1]] = (source, start, self.org.now, window)

    def _acknowledge(self, place: int) -> None:
        issues = self.org.issues()
        if place < len(issues):
            self.handled = True
            self.org.call("acknowledge_issue", "a_admin", p_issue_id=issues[place]["id"])

    def _snooze(self, place: int, minutes: int) -> None:
        issues = self.org.issues()
        if place < len(issues):
            self.handled = True
            self.org.call("snooze_issue", "a_admin", p_issue_id=issues[place]["id"], p_for=timedelta(minutes=minutes))

    def balanced(self) -> None:
        """The books of the evaluator, whatever happened."""
        org = self.org
        periods = org.rows("select * from syncwell.stream_periods order by stream_id, starts_at")
        streams = {row["stream_id"] for row in org.rows("select stream_id from syncwell.stream_states")}
        assert {row["stream_id"] for row in periods} == streams
        for row, later in pairwise(periods):
            if row["stream_id"] == later["stream_id"]:
                assert row["ends_at"] == later["starts_at"], "stretches lie end to end"
            else:
                assert row["ends_at"] is None
        assert not periods or periods[-1]["ends_at"] is None
        # three ways to ask the same
        shown = {row["source"]: (row["status"], row["score"]) for row in org.call_view("stream_health")}
        asked = {row["source"]: (row["status"], row["score"]) for row in org.call("get_sync_health_status")}
        kept = org.rows("select source, status, score from syncwell._health_of(%s)", org.org)
        worst = max((status for status, _ in shown.values()), key=STATUSES.index, default="unknown")
        assert asked.pop(None)[0] == worst
        assert shown == asked == {row["source"]: (row["status"], row["score"]) for row in kept}

        for blind in org.rows("select * from syncwell.blind_periods"):
            inside = [
                row for row in periods
                if row["starts_at"] < blind["ends_at"] and (row["ends_at"] or org.now) > blind["starts_at"]
            ]  # fmt: skip
            assert {(row["status"], row["overlay"]) for row in inside} <= {("unknown", "blind")}

        for days in (1, 30):
            for row in org.call("get_uptime", p_days=days):
                assert sum(row[part] for part in PARTS) == row["streams"] * days * 86400, row
                assert all(row[part] >= 0 for part in PARTS), row
                known = row["good_seconds"] + row["down_seconds"]
                assert (row["uptime"] is None) == (known == 0)
                assert not known or abs(row["uptime"] - row["good_seconds"] / known) < 1e-6
                if row["source"] is None:
                    for part, seconds in self.spent(periods, days).items():
                        assert abs(float(row[part]) - seconds) < 1, part
        for days in (7, 180):
            history = org.call("get_sync_health_history", p_days=days)
            starts = [row["period_start"] for row in history]
            assert starts == sorted(set(starts))
            runs = [at for stream in self.streams.values() for at, _ in stream.runs if starts and at >= starts[0]]
            assert sum(row["total_syncs"] for row in history) == len(runs)
            for row in history:
                shares = [value for key, value in row.items() if key.endswith("_share")]
                assert abs(sum(shares) - 1) < 1e-5, row
                assert min(shares) >= 0, row

        issues = org.issues(everything=True)
        spans: dict[str, list[tuple[datetime, datetime | None]]] = {}
        for row in issues:
            spans.setdefault(row["fingerprint"], []).append((row["opened_at"], row["resolved_at"]))
        for lives in spans.values():
            for (_, end), (start, _) in pairwise(sorted(lives)):
                assert end is not None
                assert end <= start, "never two of one fingerprint"

        told = org.rows("select * from syncwell.alert_outbox order by id")
        for issue in issues:
            mine = [(row["status"], row["severity"]) for row in told if row["issue_id"] == issue["id"]]
            self._alerts_alternate(issue, mine)

    def spent(self, periods: list[dict[str, Any]], days: int) -> dict[str, float]:
        """Seconds of each kind in the last days, from the stretches; what they do not cover is unknown."""
        now = self.org.now
        found = dict.fromkeys(PARTS, 0.0)
        for row in periods:
            start, end = max(row["starts_at"], now - timedelta(days=days)), row["ends_at"] or now
            part = {"paused": "paused_seconds", "excluded": "excluded_seconds", "blind": "unknown_seconds"}.get(
                row["overlay"]
            ) or {"unknown": "unknown_seconds", "unhealthy": "down_seconds"}.get(row["status"], "good_seconds")
            found[part] += max((end - start).total_seconds(), 0)
        covered = sum(found.values())
        found["unknown_seconds"] += len(self.streams) * days * 86400 - covered
        return found

    def _alerts_alternate(self, issue: dict[str, Any], mine: list[tuple[str, str]]) -> None:
        assert not mine or mine[0][0] == "firing"
        for (status, severity), (later, worse) in pairwise(mine):
            if later == "resolved":
                assert status == "firing", "resolved twice"
            elif status == "firing" and not self.handled:
                assert SEVERITIES.index(worse) > SEVERITIES.index(severity), "fired twice, and no worse"
        if issue["state"] == "resolved":
            assert not mine or mine[-1][0] == "resolved"
        elif issue["state"] == "open" and issue["muted_by"] is None and issue["severity"] != "info":
            assert mine
            assert mine[-1][0] == "firing"
        if issue["muted_by"] == "flapping":
            self.handled = True


@pytest.fixture(scope="module")
def org(cluster: Cluster, tenants: Tenants) -> Iterator[Monitored]:
    with cluster.database() as database:
        yield Monitored(database, tenants)


def checked(examples: int) -> settings:
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


@checked(20)
@given(actions=st.lists(ACTION, min_size=5, max_size=25))
def test_without_hysteresis_it_decides_what_the_model_says(org: Monitored, actions: list[tuple[Any, ...]]) -> None:
    world = World(org)
    world.start({"health.pending_for": "0", "health.keep_for": "0"})
    world.evaluate()
    for action in actions:
        world.do(action)
        # what runs did shows at once, also before anybody evaluates
        world.evaluate()
        assert world.decided() == world.expected, action
    world.balanced()


@checked(20)
@given(
    actions=st.lists(HANDLING, min_size=10, max_size=40),
    pending=st.sampled_from(["0", "3 minutes", "12 minutes"]),
    keep=st.sampled_from(["0", "2 minutes", "20 minutes"]),
)
def test_the_books_balance_whatever_happens(
    org: Monitored, actions: list[tuple[Any, ...]], pending: str, keep: str
) -> None:
    world = World(org)
    world.start({"health.pending_for": pending, "health.keep_for": keep})
    for action in actions:
        world.do(action)
    world.balanced()
