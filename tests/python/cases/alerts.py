"""Wrong calls: the delivery of alerts."""

from __future__ import annotations

from . import MIB, UNKNOWN, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {
            "claim_alerts('hook')": [],
            "complete_alerts(array[%s]::uuid[], %s)": [UNKNOWN, UNKNOWN],
            "fail_alerts(array[%s]::uuid[], %s)": [UNKNOWN, UNKNOWN],
            "release_alerts(array[%s]::uuid[], %s)": [UNKNOWN, UNKNOWN],
            "requeue_alerts('hook')": [],
            "forget_alert_channel('hook')": [],
            "get_alert_deliveries()": [],
            "get_alert_channels()": [],
        },
        login="nobody_login",
    ),
    *each(
        "a member does not deliver",
        "42501",
        {
            "claim_alerts('hook')": [],
            "complete_alerts(array[%s]::uuid[], %s)": [UNKNOWN, UNKNOWN],
            "fail_alerts(array[%s]::uuid[], %s)": [UNKNOWN, UNKNOWN],
            "release_alerts(array[%s]::uuid[], %s)": [UNKNOWN, UNKNOWN],
            "requeue_alerts('hook')": [],
            "forget_alert_channel('hook')": [],
        },
        login="a_member",
    ),
    *each("unknown channel", "SW611", {"requeue_alerts('none')": [], "forget_alert_channel('none')": []}),
    *each(
        "NULL",
        "22004",
        {
            "claim_alerts(null)": [],
            "claim_alerts('hook', p_lease => null)": [],
            "claim_alerts('hook', p_limit => null)": [],
            "complete_alerts(null, %s)": [UNKNOWN],
            "fail_alerts(array[null]::uuid[], %s)": [UNKNOWN],
            "release_alerts(array[%s]::uuid[], null)": [UNKNOWN],
            "requeue_alerts(null)": [],
            "get_alert_deliveries(null)": [],
        },
    ),
    *each(
        "out of range",
        "22023",
        {
            "claim_alerts(%s)": [MIB],
            "claim_alerts('')": [],
            "claim_alerts('hook', '[]')": [],
            "claim_alerts('hook', '{\"severity\": {}}')": [],
            "claim_alerts('hook', p_limit => 0)": [],
            "claim_alerts('hook', p_lease => '0')": [],
            "complete_alerts(array_fill(%s::uuid, array[1001]), %s)": [UNKNOWN, UNKNOWN],
            "fail_alerts(array[%s]::uuid[], %s, p_http_status => 7)": [UNKNOWN, UNKNOWN],
            "forget_alert_channel('a b')": [],
            "get_alert_deliveries(p_state => 'x')": [],
        },
    ),
    *each("too long", "22001", {"fail_alerts(array[%s]::uuid[], %s, %s)": [UNKNOWN, UNKNOWN, MIB]}),
]
