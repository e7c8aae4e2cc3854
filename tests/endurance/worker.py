"""A worker of the queue: `python -m endurance.worker <uri>`, until it is killed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg

from syncwell import Syncwell

if TYPE_CHECKING:
    from syncwell.queue import ClaimedOperation


def done(_: ClaimedOperation) -> None:
    """Nothing: what is measured is the queue."""


if __name__ == "__main__":
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        Syncwell(connection).queue.worker(done, batch=50, poll=0.1).run()
