"""Wrong calls: flags, consent, access log and privacy."""

from __future__ import annotations

from . import FOREIGN, NOBODY, NOWHERE, each

CASES = [
    *each(
        "unknown scope",
        "SW020",
        {"grant_consent(%s)": ["everything"], "revoke_consent(%s)": [None], "has_consent(null, %s)": ["x' or true --"]},
        login="a_member",
    ),
    *each("a percentage", "22023", {"set_feature_flag('x', true, p_rollout_percent => %s)": [101]}, login="operator"),
    *each("an unknown org", "SW003", {"set_feature_flag('x', true, %s)": [NOWHERE]}, login="operator"),
    *each("nobody to erase", "SW002", {"erase_user(%s)": [NOBODY], "export_user(%s)": [NOBODY]}, login="operator"),
    *each("no user", "22004", {"erase_user(%s)": [None], "export_user(%s)": [None]}, login="operator"),
    *each(
        "another org's user",
        "SW002",
        {
            "export_user(%s)": [FOREIGN],
            "get_access_log(%s)": [FOREIGN],
            "has_consent(%s, 'detailed_monitoring')": [FOREIGN],
        },
        login="a_admin",
    ),
    *each("a limit", "22023", {"get_access_log(p_limit => %s)": [0]}, login="a_admin"),
]
