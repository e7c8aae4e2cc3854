"""Source `git:history`: the commits of a repository into the table `demo.commits`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import psycopg

from syncwell.cli.demo.git import Commit

_BATCH = 1000
_LEAST_BATCHES = 5


def batches(commits: Iterable[Commit], total: int) -> Iterable[list[Commit]]:
    """Lists of at most 1,000, of which one is in memory at a time; shorter ones where there is little to show."""
    source = iter(commits)
    size = max(1, min(_BATCH, math.ceil(total / _LEAST_BATCHES)))
    while batch := list(itertools.islice(source, size)):
        yield batch


def store(connection: psycopg.Connection[Any], batch: list[Commit]) -> int:
    """Add the commits that the table lacks, in one transaction; returns how many that were."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("create temporary table if not exists incoming (like demo.commits) on commit delete rows")
        with cursor.copy(
            "copy incoming (id, parent_ids, author, authored_at, committed_at, subject) from stdin"
        ) as copy:
            for one in batch:
                copy.write_row((one.id, one.parent_ids, one.author, one.authored_at, one.committed_at, one.subject))
        return cursor.execute("insert into demo.commits select * from incoming on conflict (id) do nothing").rowcount


def follow(connection: psycopg.Connection[Any], branch: str, commit_id: str) -> bool:
    """Remember where a branch stands; False when it stood there before."""
    return (
        connection.execute(
            """
            insert into demo.releases as r (branch, commit_id) values (%s, %s)
            on conflict (branch) do update set commit_id = excluded.commit_id
            where r.commit_id <> excluded.commit_id
            """,
            [branch, commit_id],
        ).rowcount
        == 1
    )
