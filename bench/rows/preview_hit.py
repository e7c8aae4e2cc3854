"""A preview that is there, among many: milliseconds, client included; beside it the row by its key as a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.harness import TENANT
from bench.load import Workload
from bench.result import Row, Target, duration, number

if TYPE_CHECKING:
    from bench.harness import Bench

_NAME = "preview cache hit"
# ten changed records of a kilobyte in all, one in ten of the previews has expired
_ENTRIES = """
insert into syncwell.sync_preview_cache (
  org_id, sync_type, delta_json, computed_at, created_at, updated_at, expires_at, cache_key,
  new_count, updated_count, deleted_count, bytes
)
select
  %(org)s, 'odoo', d.delta, t.at, t.at, t.at, t.at + case when n %% 10 = 0 then '1 second' else interval '1 day' end,
  'odoo:' || syncwell.preview_cache_key(to_jsonb(n)), 0, 10, 0, octet_length(d.delta::text)
from generate_series(1, %(entries)s) as n
cross join lateral (select now() - interval '1 hour' + n * interval '1 millisecond' as at) as t
cross join lateral (
  select syncwell.compute_preview_delta(
    jsonb_agg(jsonb_build_object('id', i, 'sku', 'SKU-' || i, 'stock', i)),
    jsonb_agg(jsonb_build_object('id', i, 'sku', 'SKU-' || i, 'stock', n))
  ) as delta
  from generate_series(-9, 0) as i
) as d
"""
_KEY = "'odoo:' || syncwell.preview_cache_key(to_jsonb(10 * :n + 1))"


def run(bench: Bench) -> Iterator[Row]:
    """By key, and as whoever would compute it asks."""
    entries = 10 * bench.scale.batch
    with bench.database() as database:
        admin = database.connect()
        # what they hold is right; looking at each again takes its time
        admin.execute("alter table syncwell.sync_preview_cache disable trigger user")
        admin.execute(_ENTRIES, {"org": TENANT.org, "entries": entries})
        admin.execute("alter table syncwell.sync_preview_cache enable trigger user")
        admin.execute("vacuum analyze syncwell.sync_preview_cache")
        pick = f"\\set n random(0, {entries // 10 - 1})\n"
        questions = {
            "get_preview": f"select * from syncwell.get_preview({_KEY});",
            "claim_preview": "select * from syncwell.claim_preview('odoo', to_jsonb(10 * :n + 1));",
            "get_or_compute_preview": (
                "select * from syncwell.get_or_compute_preview('odoo', '[]', '[]', to_jsonb(10 * :n + 1));"
            ),
        }
        member = database.connect("bench_member")
        for question in questions.values():
            row = member.execute(question.replace(":n", "0").encode()).fetchone()
            assert row is not None
            assert any(isinstance(value, dict) and len(value["updated"]) == 10 for value in row)
        stored = f"select * from syncwell.sync_preview_cache where org_id = '{TENANT.org}' and cache_key = {_KEY};"
        rates = bench.in_turns(
            {
                "stored": Workload(pick + stored, database.uri()),
                **{name: Workload(pick + text, database.uri("bench_member")) for name, text in questions.items()},
            }
        )
        for name in questions:
            yield Row(
                _NAME,
                f"{name}, {number(entries)} previews",
                1000 * rates.seconds(name),
                "ms",
                Target(at_most=2),
                duration(rates.seconds(name)),
                f"{duration(rates.seconds('stored'))} the row by its key",
            )
