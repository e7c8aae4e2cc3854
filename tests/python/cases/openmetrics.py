"""Wrong calls: what Prometheus is told."""

from __future__ import annotations

from . import MIB, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {"openmetrics()": [], "get_metric_samples()": []},
        login="nobody_login",
    ),
    *each("a member", "42501", {"openmetrics()": [], "get_metric_samples()": []}, login="a_member"),
    *each("no format", "22004", {"openmetrics(null)": []}),
    *each("an unknown format", "22023", {"openmetrics(%s)": [MIB]}),
]
