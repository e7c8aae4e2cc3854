"""What is at work when something is killed: one module each."""

from __future__ import annotations

from torture.loads.alerting import Alerting
from torture.loads.base import Load
from torture.loads.evaluating import Evaluating
from torture.loads.ingesting import Ingesting, IngestingOverHttp
from torture.loads.maintaining import Maintaining
from torture.loads.migrating import Migrating, RollingBack
from torture.loads.pushing import Pushing, PushingOverHttp
from torture.loads.queueing import Queueing
from torture.loads.rolling_up import RollingUp

__all__ = ["LOADS", "Load"]

LOADS: tuple[type[Load], ...] = (
    Pushing,
    PushingOverHttp,
    Ingesting,
    IngestingOverHttp,
    Queueing,
    RollingUp,
    Maintaining,
    Evaluating,
    Alerting,
    Migrating,
    RollingBack,
)
