"""Wrong calls: local ids and batches."""

from __future__ import annotations

from . import FOREIGN, MIB, NOBODY, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {"resolve_local_id('session', 'x')": [], "ingest_batch('event', '[]', 'calls')": []},
        login="nobody_login",
    ),
    *(
        case
        for name, user in (("unknown user", NOBODY), ("user of another org", FOREIGN))
        for case in each(
            name,
            "SW002",
            {
                "resolve_local_id('session', 'x', p_user_id => %s)": [user],
                "ingest_batch('event', '[]', 'calls', p_user_id => %s)": [user],
                "ingest_batch('reading', '[]', p_session => 'x', p_user_id => %s)": [user],
            },
        )
    ),
    *each(
        "nobody's name",
        "22004",
        {"resolve_local_id('session', 'x')": [], "ingest_batch('reading', '[]', p_session => 'x')": []},
    ),
    *each(
        "a name of a megabyte",
        "22001",
        {
            "resolve_local_id('session', %s)": [MIB],
            "ingest_batch('reading', '[]', p_session => %s)": [MIB],
            "ingest_batch('event', '[]', 'calls', p_device_id => %s)": [MIB],
        },
        login="a_member",
    ),
    *each(
        "a batch of the wrong kind",
        "22023",
        {
            "ingest_batch('event', '{}', %s)": ["calls"],
            "ingest_batch('event', '[]', %s)": ["no name"],
            "ingest_batch(%s, '[]', 'calls')": ["call"],
            "ingest_batch('reading', '[]', %s)": ["calls"],
            "ingest_batch('event', '[]', 'calls', p_platform => %s)": ["fridge"],
        },
    ),
    *each("a batch of too many rows", "SW503", {"ingest_batch('event', %s, 'calls')": [f"[{'1,' * 10_000}1]"]}),
]
