"""A worker of the queue in a process of its own: `python -m torture.worker <uri> <kind>`.

`exact`: the effect is made in the transaction that completes the operation, as sql/README.md tells. `naive`: it
acknowledges first. Ends when nothing is left.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg

from syncwell import Syncwell

if TYPE_CHECKING:
    from syncwell.queue import ClaimedOperation

_EFFECT = "insert into public.effects values (%s, %s, %s)"
_COMPLETE = "select outcome from syncwell.complete_operations(%s, %s)"
_PADDING = "x" * 4000


def main(uri: str, kind: str) -> None:
    """Work until nothing waits."""
    with psycopg.connect(uri, autocommit=True) as claiming, psycopg.connect(uri, autocommit=True) as working:

        def effect(operation: ClaimedOperation) -> None:
            padding = _PADDING if kind == "naive" else ""
            working.execute(_EFFECT, [operation.operation_id, operation.payload["number"], padding])

        def complete(operation: ClaimedOperation) -> None:
            row = working.execute(_COMPLETE, [[operation.operation_id], operation.lease_token]).fetchone()
            assert row == ("completed",), row

        def exact(operation: ClaimedOperation) -> None:
            with working.transaction():
                effect(operation)
                complete(operation)

        def naive(operation: ClaimedOperation) -> None:
            complete(operation)
            effect(operation)

        worker = Syncwell(claiming).queue.worker(exact if kind == "exact" else naive, batch=3)
        while worker.run_once():
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
