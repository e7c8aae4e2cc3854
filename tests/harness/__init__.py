"""What the tests stand on: a throwaway cluster, its template database, pgTAP, the fake clock, waiting for a state."""

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
