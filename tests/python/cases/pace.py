"""Wrong calls: when to sync."""

from __future__ import annotations

from . import FOREIGN, MIB, NOBODY, OTHER, UNKNOWN, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {"request_sync('calls', 'manual')": [], "finish_sync(%s)": [UNKNOWN]},
        login="nobody_login",
    ),
    *each("an unknown user", "SW002", {"request_sync('calls', 'manual', p_user_id => %s)": [NOBODY]}),
    *each("a user of another org", "SW002", {"finish_sync(%s, p_user_id => %s)": [UNKNOWN, FOREIGN]}),
    *each("another user", "SW002", {"request_sync('calls', 'manual', p_user_id => %s)": [OTHER]}, login="a_member"),
    *each("no reason", "22004", {"request_sync('calls', null)": [], "finish_sync(null)": []}),
    *each("an unknown reason", "22023", {"request_sync('calls', %s)": [MIB]}),
    *each("a battery that is none", "22023", {"request_sync('calls', 'save', p_battery => %s)": ["NaN"]}),
    *each("a long name of a device", "22001", {"request_sync('calls', 'save', %s)": [MIB]}),
]
