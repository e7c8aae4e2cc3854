"""What happens in the demo, step by step."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, Literal

import psycopg
from rich.text import Text

from syncwell import Syncwell
from syncwell.cli.demo.git import GitError, Repository
from syncwell.cli.demo.history import batches, follow, store
from syncwell.cli.demo.place import ANALYST, WORKER, Place
from syncwell.cli.demo.screen import Screen, commits
from syncwell.cli.live import one, pace
from syncwell.cli.output import NOTHING, count, milliseconds, style_of
from syncwell.cli.session import Row, Session
from syncwell.runs import RetryDecision

HISTORY = "git:history"
RELEASES = "git:releases"
_BRANCH = "refs/heads/releases"
_FAILURES = 3
_STAGES = (0.6, 0.8)


class Story:
    """A repository is synced, and a source fails. A worker syncs, an analyst watches: two logins that see one org."""

    def __init__(self, screen: Screen, place: Place, repository: Repository, stack: ExitStack) -> None:
        self._screen = screen
        self._repository = repository
        # track() wants a connection that nothing else uses
        self._work = Syncwell(stack.enter_context(psycopg.connect(place.uri(WORKER), autocommit=True)))
        self._data = stack.enter_context(psycopg.connect(place.uri(WORKER), autocommit=True))
        self._analyst = Session(stack.enter_context(psycopg.connect(place.uri(ANALYST), autocommit=True)), None, None)

    def tell(self) -> None:
        """All of it."""
        self._work.runs.register_stream(source=HISTORY, expected_interval=timedelta(hours=1), platform="server")
        self._work.runs.register_stream(source=RELEASES, expected_interval=timedelta(days=1), platform="server")
        self._sync_history()
        self._fail_and_recover()

    def _sync_history(self) -> None:
        head = self._repository.head
        stages = [self._repository.earlier(share) for share in _STAGES]
        stages = [stage for stage in dict.fromkeys(stages) if stage != head]
        self._screen.title(f"Source {HISTORY}: the commits of {self._repository.path} into table demo.commits")
        for number, stage in enumerate([*stages, head]):
            self._sync("incremental" if number else "full", stage)
        self._sync("incremental", head)

    def _sync(self, sync_type: Literal["full", "incremental"], upto: str) -> None:
        created = done = 0
        with self._work.runs.track(HISTORY, sync_type, platform="server", report_every=0) as run:
            after = None if sync_type == "full" else run.sync_token
            total = self._repository.count(after, upto)
            run.progress(0, total, source_system="git")
            sync_id = str(run.event_id)
            with self._screen.progress(lambda: one(self._analyst, sync_id)) as show:
                for batch in batches(self._repository.commits(after, upto), total):
                    created += store(self._data, batch)
                    done += len(batch)
                    run.progress(done, total)
                    show(done, total)
            run.set_result(
                items_processed=done, items_created=created, items_updated=0, items_deleted=0, sync_token_after=upto
            )
        row = one(self._analyst, sync_id)
        took = milliseconds(run.result.duration_ms if run.result else None)
        new = "all" if created == done else count(created)
        found = f"{commits(done)}, {new} new" if done else "nothing new"
        pace_of_all = f", {pace(row)}" if row is not None and done else ""
        status = run.result.status if run.result else NOTHING
        self._screen.result(status, style_of(status), f"{sync_type:<11} {found}, {took}{pace_of_all}, token {upto[:7]}")

    def _fail_and_recover(self) -> None:
        branch = _BRANCH
        while self._repository.has(branch):
            branch += "-next"
        self._screen.title(f"Source {RELEASES}: follows a branch that does not exist")
        decision: RetryDecision | None = None
        for _ in range(_FAILURES):
            decision = self._try_release(branch, decision)
            if decision is None:
                raise RuntimeError(f"{branch} appeared while the demo ran")
        self._screen.title(f"The configuration is corrected: {RELEASES} follows HEAD")
        self._try_release("HEAD", decision)
        self._try_release("HEAD", None)

    def _try_release(self, branch: str, retry: RetryDecision | None) -> RetryDecision | None:
        """One run; a retry waits for as long as the database decided. Returns the decision on a failure."""
        if retry is not None and retry.retry_at is not None:
            self._screen.wait(time.monotonic() + self._seconds_until(retry.retry_at), f"retry {retry.attempt}")
        run = self._work.runs.track(
            RELEASES, "incremental", platform="server", retry_of=None if retry is None else retry.error_id
        )
        try:
            with run:
                commit_id = self._repository.resolve(branch)
                changed = follow(self._data, branch, commit_id)
                run.set_result(items_processed=1, items_created=int(changed), sync_token_after=commit_id)
        except GitError as error:
            if run.failure is None:
                raise
            self._screen.result("failed", "red", f"try {run.attempt}: {error}")
            self._show_status()
            self._screen.note(_in_words(run.failure, self._seconds_until))
            return run.failure
        self._screen.result("success", "green", f"try {run.attempt}: {branch} is at {commit_id[:7]}")
        self._show_status()
        return None

    def _seconds_until(self, when: datetime) -> float:
        row = self._data.execute("select extract(epoch from %s - clock_timestamp())", [when]).fetchone()
        return max(0.0, float(row[0])) if row else 0.0

    def _show_status(self) -> None:
        rows: list[Row] = self._analyst.ask("get_sync_health_status")
        row = next(row for row in rows if row["source"] == RELEASES)
        reason = f": {row['reason']}" if row["reason"] else ""
        self._screen.note(Text.assemble("the stream is now ", (row["status"], style_of(row["status"])), reason))


def _in_words(decision: RetryDecision, seconds_until: Any) -> str:
    kind = f"{decision.error_type}, class {decision.error_class}"
    if decision.retry_at is None:
        return f"{kind}: no retry ({decision.reason})"
    return f"{kind}: retry {decision.attempt} is granted in {seconds_until(decision.retry_at):.1f} s"
