"""Wrong calls: sessions."""

from __future__ import annotations

from . import FOREIGN, MEMBER, MIB, NOBODY, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {
            "start_session('x')": [],
            "complete_session('x')": [],
            'sync_session(\'{"local_id": "x"}\')': [],
            "get_recent_sessions()": [],
        },
        login="nobody_login",
    ),
    *each(
        "a user of another org",
        "SW002",
        {
            "start_session('x', p_user_id => %s)": [FOREIGN],
            "complete_session('x', p_user_id => %s)": [FOREIGN],
            'sync_session(\'{"local_id": "x"}\', %s)': [FOREIGN],
            "get_recent_sessions(%s)": [FOREIGN],
        },
    ),
    *each(
        "an unknown user",
        "SW002",
        {"start_session('x', p_user_id => %s)": [NOBODY], "get_recent_sessions(%s)": [NOBODY]},
    ),
    *each(
        "nobody's session",
        "22004",
        {"start_session('x')": [], "complete_session('x')": [], "sync_session('{}')": []},
    ),
    *each("an unknown session", "SW501", {"complete_session('nothing', p_user_id => %s)": [MEMBER]}),
    *each("a long name", "22001", {"start_session(%s)": [MIB], "complete_session(%s)": [MIB]}, login="a_member"),
    *each(
        "no name",
        "22004",
        {"start_session(null)": [], "complete_session(null)": [], "sync_session(null)": []},
        login="a_member",
    ),
    *each(
        "times of the years 1 and 9999",
        "22023",
        {
            "start_session('x', '0001-01-01 00:00+00')": [],
            "start_session('y', '9999-12-31 00:00+00')": [],
            "start_session('z', 'infinity')": [],
            "complete_session('x', '9999-12-31 00:00+00')": [],
        },
        login="a_member",
    ),
    *each(
        "what no session is like",
        "22023",
        {
            "start_session('x', p_source => %s)": ["no name"],
            "start_session('x', p_data_source => %s)": [MIB],
            "start_session('x', p_platform => %s)": ["fridge"],
            "start_session('x', p_expected => '{\"reading\": -1}', p_source => %s)": ["s"],
            "start_session('x', p_metadata => %s)": ["5"],
            "sync_session(%s)": ["[]"],
            "sync_session('5', p_platform => %s)": ["ios"],
        },
        login="a_member",
    ),
    *each("a limit", "22023", {"get_recent_sessions(p_limit => %s)": [0], "get_recent_sessions(null, %s)": [-1]}),
]
