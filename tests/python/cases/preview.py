"""Wrong calls: previews."""

from __future__ import annotations

from . import MIB, UNKNOWN, Case, each

CASES = [
    *each(
        "a login without a binding",
        "SW001",
        {
            "get_or_compute_preview('odoo', '[]', '[]')": [],
            "claim_preview('odoo', '{}')": [],
            "store_preview(%s, '{}')": [UNKNOWN],
            "release_preview(%s)": [UNKNOWN],
            "get_preview('x')": [],
            "get_previews()": [],
            "invalidate_preview('x')": [],
        },
        login="nobody_login",
    ),
    *each(
        "NULL",
        "22004",
        {
            "compute_preview_delta(null, '[]')": [],
            "compute_preview_delta('[]', null)": [],
            "compute_preview_delta('[]', '[]', null)": [],
            "get_or_compute_preview(null, '[]', '[]')": [],
            "get_or_compute_preview('odoo', null, '[]')": [],
            "get_or_compute_preview('odoo', '[]', null)": [],
            "claim_preview('odoo', null)": [],
            "claim_preview('odoo', '{}', null)": [],
            "store_preview(null, '{}')": [],
            "store_preview(%s, null)": [UNKNOWN],
            "release_preview(null)": [],
            "get_preview()": [],
            "get_previews(p_limit => null)": [],
            "invalidate_preview()": [],
        },
    ),
    *each(
        "records that are none",
        "SW701",
        {
            "compute_preview_delta('{}', '[]')": [],
            "compute_preview_delta('[]', '[null]')": [],
            "get_or_compute_preview('odoo', '[]', '[{\"id\": null}]')": [],
            "get_or_compute_preview('odoo', '[]', to_jsonb(%s::text))": [MIB],
        },
    ),
    *each(
        "a record twice",
        "SW702",
        {
            'compute_preview_delta(\'[]\', \'[{"id": 1}, {"id": "1"}]\')': [],
            "get_or_compute_preview('odoo', '[]', '[{\"id\": 1}, {\"id\": 1.0}]')": [],
        },
    ),
    Case(
        "a preview that is too large",
        "SW703",
        "get_or_compute_preview('tiny', '[]', jsonb_build_array(jsonb_build_object('id', %s::text)))",
        [MIB],
    ),
    *each(
        "a token of nobody's",
        "SW704",
        {'store_preview(%s, \'{"new": [], "updated": [], "deleted": []}\')': [UNKNOWN]},
    ),
    *each(
        "a token of another org's",
        "SW704",
        {'store_preview(%s, \'{"new": [], "updated": [], "deleted": []}\')': ["{foreign preview}"]},
    ),
    *each("a document that is none", "SW705", {"store_preview(%s, '{}')": ["{preview}"]}),
    *each(
        "an unknown sync type",
        "SW706",
        {
            "get_or_compute_preview('unicorn', '[]', '[]')": [],
            "get_or_compute_preview('', '[]', '[]')": [],
            "get_or_compute_preview(%s, '[]', '[]')": [MIB],
            "claim_preview('unicorn', '{}')": [],
        },
    ),
    *each(
        "out of range",
        "22023",
        {
            "get_or_compute_preview('odoo', '[]', '[]', p_ttl => '-1 month')": [],
            "get_or_compute_preview('odoo', '[]', '[]', p_ttl => '31 days')": [],
            "claim_preview('odoo', '{}', '0')": [],
            "claim_preview('odoo', '{}', '1 year')": [],
            "store_preview(%s, '{}', '0')": ["{preview}"],
            "get_previews(p_limit => 0)": [],
        },
    ),
    *each(
        "1 MiB of text",
        "22001",
        {
            "get_or_compute_preview('odoo', '[]', '[]', p_sync_id => %s)": [MIB],
            "store_preview(%s, '{}', p_sync_id => %s)": ["{preview}", MIB],
        },
    ),
]
