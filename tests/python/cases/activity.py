"""Wrong calls: the activity log."""

from __future__ import annotations

from . import FOREIGN, MIB, NOBODY, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {"log_sync_activity('sync_start')": [], "get_sync_activity()": []},
        login="nobody_login",
    ),
    *(
        case
        for name, user in (("unknown user", NOBODY), ("user of another org", FOREIGN))
        for case in each(
            name,
            "SW002",
            {"log_sync_activity('sync_start', p_user_id => %s)": [user], "get_sync_activity(%s)": [user]},
        )
    ),
    *each("unknown action", "SW251", {"log_sync_activity('x')": [], "log_sync_activity(%s)": [MIB]}),
    *each("unknown entity type", "SW205", {"log_sync_activity('sync_start', p_entity_type => %s)": [MIB]}),
    *each("NULL", "22004", {"log_sync_activity(null)": [], "get_sync_activity(p_limit => null)": []}),
    *each(
        "out of range",
        "22023",
        {
            "log_sync_activity('sync_start', 'success')": [],
            "log_sync_activity('sync_start', p_sync_id => '')": [],
            "log_sync_activity('sync_start', p_record_count => -1)": [],
            "log_sync_activity('sync_start', p_duration_seconds => -1)": [],
            "log_sync_activity('sync_start', p_duration_seconds => 'NaN')": [],
            "log_sync_activity('sync_start', p_duration_seconds => 1e300)": [],
            "get_sync_activity(p_status => 'success')": [],
            "get_sync_activity(p_limit => 0)": [],
            "get_sync_activity(p_page_token => 'x')": [],
            "get_sync_activity(p_page_token => %s)": [MIB],
            "get_sync_activity(p_from => 'tomorrow', p_to => 'yesterday')": [],
            "get_sync_activity(p_from => 'infinity', p_to => '-infinity')": [],
        },
    ),
    *each("months out of range", "22023", {"ensure_activity_partitions(-1)": []}, login="operator"),
    *each(
        "retention of minus one month", "SW011", {"set_setting('activity.retention', '-1 month')": []}, login="operator"
    ),
    *each(
        "1 MiB of text",
        "22001",
        {
            "log_sync_activity('sync_start', p_sync_id => %s)": [MIB],
            "log_sync_activity('sync_start', p_error_message => %s)": [MIB],
        },
    ),
]
