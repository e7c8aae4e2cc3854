"""The simulated fleet, from its first day to now: how it is written, learned from and watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from rich.text import Text

from syncwell import Syncwell
from syncwell.cli.demo.past import Past
from syncwell.cli.demo.people import BEGINS, Trouble, fleet
from syncwell.cli.demo.place import Place
from syncwell.cli.demo.screen import Screen
from syncwell.cli.demo.weeks import WEEKS, runs
from syncwell.cli.output import count, seconds, style_of
from syncwell.cli.session import Row

EVALUATED_EVERY = timedelta(hours=1)

_WATCHED = timedelta(hours=48)
_REPORTING = timedelta(hours=12)
_HEARTBEAT_EVERY = timedelta(minutes=10)
_SILENT = timedelta(minutes=50)
_FAST_CLOCK = timedelta(minutes=3)
_SEEN = timedelta(hours=5)
_NOTE = "asked to sign in again"
_LIMIT = 1_000_000

# what the phones that synced within the hour tell of themselves
_REPORT = """
select count(r.*)
from enrolled as s
join syncwell.sync_state as t on t.org_id = s.org_id and t.stream_id = s.stream_id
cross join lateral syncwell.update_sync_health_metrics(
  p_source => s.source,
  p_user_id => s.user_id,
  p_metrics => jsonb_build_object(
    'device_id', s.device_id, 'platform', s.platform, 'reported_at', t.last_run_at,
    'sync_duration_ms', t.last_duration_ms, 'error_count', (t.last_status = 'failed')::integer, 'queue_depth', 0
  )
) as r
where t.last_run_at > %(since)s and s.number <> all(%(others)s)
"""


class Fleet:
    """Phones in the org of the demo, whose weeks are over before the rest of it begins."""

    def __init__(self, screen: Screen, place: Place, org_id: UUID, devices: int) -> None:
        self._screen = screen
        self._place = place
        self._org_id = org_id
        self._devices = fleet(devices)
        self._troubled = {
            stream.trouble: (device, stream)
            for device in self._devices
            for stream in device.streams
            if stream.trouble is not None
        }
        self._now = datetime.now(UTC)
        self._opened: dict[UUID, Row] = {}

    def tell(self) -> None:
        """All of it."""
        phones, streams = len(self._devices), sum(len(device.streams) for device in self._devices)
        self._screen.title(
            f"A fleet of {count(phones)} phones, {count(streams)} streams: {WEEKS} weeks of calls, SMS and uploads"
        )
        with psycopg.connect(self._place.uri("postgres"), autocommit=True) as connection:
            core = Syncwell(connection).core
            # recording is a service's, and the clock is the owner's to move
            core.bind_login(login_role="postgres", kind="service", org_id=self._org_id)
            every = f"{EVALUATED_EVERY // timedelta(hours=1)} hours"
            core.set_setting(key="health.evaluation_interval", value=every, org_id=self._org_id)
            # iOS lets apps sync when it likes
            core.set_setting(key="health.grace_ratio", value="1", platform="ios", org_id=self._org_id)
            try:
                past = Past(connection, self._org_id)
                self._write(past)
                self._watch(past)
                past.go_to(None)
            finally:
                core.unbind_login(login_role="postgres")

    def _write(self, past: Past) -> None:
        watched_from = self._now - _WATCHED
        past.go_to(self._now - timedelta(weeks=WEEKS, days=1))
        past.run("select syncwell.ensure_partitions('sync_events')")
        never = [device for device, stream in self._troubled.values() if stream.trouble == "never synced"]
        past.enrol([device for device in self._devices if device not in never])
        past.go_to(self._now - BEGINS["never synced"])
        past.enrol(never, expected_interval=timedelta(days=1))

        with self._screen.busy("the weeks of the fleet are made up"):
            made = runs(self._devices, self._now)
        begun = time.monotonic()
        with self._screen.busy(f"{count(len(made))} runs are written"):
            past.remember(made)
            past.go_to(watched_from)
            past.load(watched_from)
            past.run("analyze")
        self._done(f"written    {count(len(made))} runs", begun)
        begun = time.monotonic()
        with self._screen.busy("runs are counted by hour, day and week"):
            hours = past.number("select syncwell.refresh_sync_metrics(%s)", [_LIMIT])
            past.run("analyze syncwell.sync_metrics")
        self._done(f"rolled up  {count(hours)} hours of streams, their days and weeks", begun)
        begun = time.monotonic()
        with self._screen.busy("what is usual is learned"):
            learned = past.number("select syncwell.learn_health_baselines()")
        self._done(f"learned    what is usual for {count(learned)} streams: interval, duration, volume", begun)

    def _watch(self, past: Past) -> None:
        hours = _WATCHED // EVALUATED_EVERY
        self._screen.title(f"The last {hours} hours: recorded run by run, evaluated every hour")
        moments = sorted(self._moments(past), key=lambda moment: moment[0])
        played = 0
        begun = time.monotonic()
        with self._screen.busy("") as now_at:
            for number in range(hours + 1):
                tick = self._now - EVALUATED_EVERY * (hours - number)
                now_at(f"{tick:%A %H:%M}, {count(played)} runs")
                while moments and moments[0][0] <= tick:
                    when, happen = moments.pop(0)
                    played += past.play(when)
                    happen()
                played += past.play(tick)
                if tick > self._now - _REPORTING:
                    past.run(
                        _REPORT,
                        {
                            "since": tick - EVALUATED_EVERY,
                            "others": [self._troubled[name][1].number for name in ("backlog", "fast clock")],
                        },
                    )
                past.run("select syncwell.evaluate_health()")
                self._tell_changes(past, tick)
        past.number("select syncwell.refresh_sync_metrics(%s)", [_LIMIT])
        self._done(f"{count(played)} runs, {hours + 1} evaluations", begun)

    def _moments(self, past: Past) -> list[tuple[datetime, Callable[[], None]]]:
        """What devices do beside their runs, and when."""
        made: list[tuple[datetime, Callable[[], None]]] = []

        def tell(name: Trouble, when: datetime, ahead: timedelta = timedelta(0), **metrics: object) -> None:
            device, stream = self._troubled[name]
            facts = {"reported_at": (when + ahead).isoformat(), **metrics}
            made.append((when, lambda: past.report(device, stream, facts)))

        waiting_since = self._now - BEGINS["backlog"]
        when, depth = waiting_since + timedelta(minutes=20), 14
        while when < self._now:
            tell("backlog", when, queue_depth=depth, oldest_pending_at=waiting_since.isoformat())
            when, depth = when + timedelta(minutes=40), depth + 23
        when = self._now - BEGINS["fast clock"]
        while when < self._now:
            tell("fast clock", when, _FAST_CLOCK, queue_depth=0)
            when += timedelta(minutes=55)
        made.append((self._now - _SEEN, lambda: past.acknowledge(self._troubled["failing"][1], _NOTE)))
        started = self._now - BEGINS["stuck"]
        made.append((started, lambda: past.begin(*self._troubled["stuck"])))
        when = started + _HEARTBEAT_EVERY
        while when < self._now - _SILENT:
            made.append((when, past.beat))
            when += _HEARTBEAT_EVERY
        return made

    def _tell_changes(self, past: Past, tick: datetime) -> None:
        found = {
            row["id"]: row
            for row in past.rows(
                "select i.id, i.issue_type, i.severity, i.source, i.platform, i.stream_id, u.display_name as owner"
                " from syncwell.sync_issues as i"
                " left join syncwell.users as u on u.org_id = i.org_id and u.user_id = i.user_id"
                " where i.state <> 'resolved'"
            )
        }
        words = (
            ("opened", [row for key, row in found.items() if key not in self._opened]),
            ("resolved", [row for key, row in self._opened.items() if key not in found]),
        )
        for word, rows in words:
            kinds: dict[tuple[str, ...], list[Row]] = {}
            for row in rows:
                group = row["platform"] or "" if row["stream_id"] is None else ""
                kinds.setdefault((row["issue_type"], row["source"] or "", group), []).append(row)
            for (kind, source, group), (first, *others) in sorted(kinds.items()):
                whose = f"all of {group}" if group else first["owner"] or ""
                whose = f"{count(len(others) + 1)} streams" if others else whose
                style = "green" if word == "resolved" else style_of(first["severity"])
                self._screen.say(
                    Text.assemble(
                        f"  {tick:%a %H:%M}  {word:<9} ",
                        (f"{kind.replace('_', ' '):<16}", style),
                        ", ".join(part for part in (source, whose) if part),
                    )
                )
        self._opened = found

    def _done(self, what: str, begun: float) -> None:
        self._screen.say(Text.assemble("  ", (what, ""), (f" in {seconds(time.monotonic() - begun)}", "dim")))
