"""The sync backend that lives inside your own PostgreSQL: a thin, typed client of its functions.

    import psycopg
    from syncwell import Syncwell

    with psycopg.connect(autocommit=True) as connection:
        sw = Syncwell(connection)
        with sw.runs.track("todoist") as run:
            run.progress(1, 10)
        for source in sw.health.status():
            print(source.source, source.status, source.reason)

`AsyncSyncwell` has the same methods with `await`. The rules are in the database; a method is one call. What it returns
is documented in `syncwell.runs`, `.progress`, `.delta`, `.metrics`, `.health` and `.core`, what it raises in
`syncwell.errors`.
"""

from importlib.metadata import version

from syncwell.aio.client import AsyncSyncwell
from syncwell.aio.track import AsyncTrackedRun
from syncwell.errors import SyncwellError
from syncwell.sync.client import Syncwell
from syncwell.sync.track import TrackedRun

__all__ = ["AsyncSyncwell", "AsyncTrackedRun", "Syncwell", "SyncwellError", "TrackedRun", "__version__"]

__version__ = version("syncwell")
