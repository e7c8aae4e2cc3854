"""Wrong calls: duplicate sessions, their merges, imports."""

from __future__ import annotations

from . import FOREIGN, MIB, NOWHERE, each

CASES = [
    *[
        case
        for limit in (0, -1, 1001)
        for case in each(
            "a limit",
            "22023",
            {
                "find_duplicate_sessions(p_limit => %s)": [limit],
                "merge_duplicate_sessions(p_limit => %s)": [limit],
                "get_session_merges(%s)": [limit],
            },
            login="a_admin",
        )
    ],
    *[
        case
        for days in (0, -1, 3661)
        for case in each("days", "22023", {"get_session_integrity(p_days => %s)": [days]}, login="a_admin")
    ],
    *each(
        "nothing",
        "22004",
        {
            "find_duplicate_sessions(p_limit => %s)": [None],
            "merge_duplicate_sessions(%s)": [None],
            "revert_session_merge(%s)": [None],
            "get_session_integrity(p_days => %s)": [None],
            "get_session_merges(%s)": [None],
        },
        login="a_admin",
    ),
    *each(
        "a user of another org",
        "SW002",
        {
            "find_duplicate_sessions(%s)": [FOREIGN],
            "merge_duplicate_sessions(p_user_id => %s)": [FOREIGN],
            "get_session_integrity(%s)": [FOREIGN],
            "get_session_merges(p_user_id => %s)": [FOREIGN],
        },
        login="a_admin",
    ),
    *each(
        "a login without a binding",
        "SW001",
        {"merge_duplicate_sessions()": [], "revert_session_merge(%s)": [NOWHERE], "find_duplicate_sessions()": []},
        login="nobody_login",
    ),
    *each("an unknown merge", "SW504", {"revert_session_merge(%s)": [NOWHERE]}, login="a_admin"),
    *each(
        "who may not merge",
        "42501",
        {"merge_duplicate_sessions()": [], "revert_session_merge(%s)": [NOWHERE]},
        login="a_member",
    ),
    *[
        case
        for kind in ("x", "", "sessions; drop table x")
        for case in each("a kind", "22023", {"import_existing(%s, 'select 1 as key')": [kind]}, login="operator")
    ],
    *[
        case
        for query in ("", "x", "select 1", "drop table syncwell.orgs", "select 1 as key; select 1", "select 1/0 as key")
        for case in each("a query", "22023", {"import_existing('sessions', %s)": [query]}, login="operator")
    ],
    *[
        case
        for name in ("", "x' or true --", MIB)
        for case in each(
            "a name", "22023", {"import_existing('sessions', 'select 1 as key', %s)": [name]}, login="operator"
        )
    ],
    *[
        case
        for batch in (0, -1, 100001)
        for case in each(
            "a batch",
            "22023",
            {"import_existing('sessions', 'select 1 as key', p_batch => %s)": [batch]},
            login="operator",
        )
    ],
    *each("a long query", "22001", {"import_existing('sessions', %s)": [MIB]}, login="operator"),
    *each(
        "no query or kind",
        "22004",
        {"import_existing('sessions', %s)": [None], "import_existing(%s, 'select 1 as key')": [None]},
        login="operator",
    ),
]
