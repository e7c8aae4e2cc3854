"""What the tests stand on: a throwaway cluster, its template database, pgTAP, the fake clock, waiting for a state.

The cluster is made by `syncwell.embedded`, which the demo runs too, and not by testing.postgresql: that would add TCP
with trust authentication and pg8000, refuses to run as root, and has not been maintained since 2016.

Files: a pgTAP file for each public function, tests/sql/<domain>/<function>.test.sql, or one named after the topic where
several functions keep one promise together. What takes several sessions, or a database of its own, is in Python.
"""

from harness.cluster import Cluster, Database, Tenants
from harness.require import UnavailableError, unavailable
from harness.wait import set_clock, wait_for_lock, wait_until

__all__ = [
    "Cluster",
    "Database",
    "Tenants",
    "UnavailableError",
    "set_clock",
    "unavailable",
    "wait_for_lock",
    "wait_until",
]
