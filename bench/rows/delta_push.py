"""A push of new records in one call, and the same once more, as after a lost answer.

The yardstick is the bare INSERT from json_to_recordset, of the same text, into a table that nothing tracks, and for the
second push an upsert there that leaves equal rows alone. The row-by-row loop does for each record what a push has to,
in one PL/pgSQL function: lock the row, see whether it was changed meanwhile, INSERT or UPDATE it; into a registered
table too. All are timed by the client, with sending the text and the commit.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench import synced, tables
from bench.harness import TENANT, Bench
from bench.result import TIMES, Row, Target, duration, number

if TYPE_CHECKING:
    import psycopg

_NAME = "push"
_COLUMNS = "id uuid, title text, body text, mood integer, done boolean, happened_at bigint"
_SELECT = f"""
select r.id, '{TENANT.member}'::uuid, r.title, r.body, r.mood, r.done, to_timestamp(r.happened_at / 1000.0)
from json_to_recordset(%s::json -> 'bare' -> 'created') as r ({_COLUMNS})
"""
_INSERT = f"insert into app.bare (id, user_id, title, body, mood, done, happened_at) {_SELECT}"
_UPSERT = f"""
{_INSERT}
on conflict (id) do update
set title = excluded.title, body = excluded.body, mood = excluded.mood, done = excluded.done,
  happened_at = excluded.happened_at
where (bare.title, bare.body, bare.mood, bare.done, bare.happened_at)
  is distinct from (excluded.title, excluded.body, excluded.mood, excluded.done, excluded.happened_at)
"""
_LOOP = f"""
create function app.push_by_row(p_changes json)
returns void
language plpgsql security definer
as $$
declare
  v_seen constant pg_snapshot := pg_current_snapshot();
  v_record json;
  v_id uuid;
  v_is_there boolean;
begin
  for v_record in select json_array_elements(p_changes -> 'looped' -> 'created') loop
    v_id := v_record ->> 'id';
    perform from app.looped as t where t.id = v_id and t.user_id = '{TENANT.member}' for no key update;
    v_is_there := found;
    perform
    from syncwell.record_changes as c
    where c.scope = '{TENANT.member}' and c.table_id = {{table_id}} and c.record_id = v_id::text
      and not pg_visible_in_snapshot(c.xid, v_seen);
    if found then
      raise exception 'conflict';
    elsif v_is_there then
      update app.looped as t
      set
        title = v_record ->> 'title',
        body = v_record ->> 'body',
        mood = (v_record ->> 'mood')::integer,
        done = (v_record ->> 'done')::boolean,
        happened_at = to_timestamp((v_record ->> 'happened_at')::bigint / 1000.0)
      where t.id = v_id;
    else
      insert into app.looped (id, user_id, title, body, mood, done, happened_at)
      values (
        v_id, '{TENANT.member}', v_record ->> 'title', v_record ->> 'body', (v_record ->> 'mood')::integer,
        (v_record ->> 'done')::boolean, to_timestamp((v_record ->> 'happened_at')::bigint / 1000.0)
      );
    end if;
  end loop;
end
$$;
"""


def run(bench: Bench) -> Iterator[Row]:
    """New records, then the same again."""
    with bench.database() as database:
        admin, device = database.connect(), database.connect("bench_member")
        for name in ("pushed", "looped", "bare"):
            synced.table(admin, name)
            admin.execute(f"create index on app.{name} (user_id)")
            # what is empty at first would be read as a whole ever after
            synced.fill(admin, name, bench.scale.push, users=10)
        ids = {name: synced.register(admin, name) for name in ("pushed", "looped")}
        for name, table_id in ids.items():
            synced.changed_before(admin, name, table_id)
        admin.execute(_LOOP.format(table_id=ids["looped"]).encode())
        tables.settle(admin)
        cursor = synced.pull(device).cursor

        seeds = itertools.count(1_000 * bench.seed)
        texts = {name: _text(name, bench.scale.push, next(seeds)) for name in ("pushed", "looped", "bare")}

        def push(name: str, statement: str, *, fresh: bool, arguments: tuple[Any, ...] = ()) -> float:
            if fresh:
                texts[name] = _text(name, bench.scale.push, next(seeds))
            return _seconds(device, statement, (texts[name], *arguments))

        sides = {
            "pushed": ("select syncwell.sync_push(%s, %s, p_device_id => %s)", (cursor, synced.DEVICE)),
            "looped": ("select app.push_by_row(%s)", ()),
        }
        for fresh, case, bare in (
            (True, f"{number(bench.scale.push)} new records", _INSERT),
            (False, f"the same {number(bench.scale.push)} again", _UPSERT),
        ):
            rates = bench.timed(
                {
                    name: functools.partial(push, name, statement, fresh=fresh, arguments=arguments)
                    for name, (statement, arguments) in (sides | {"bare": (bare, ())}).items()
                }
            )
            pushed = duration(rates.seconds("pushed"))
            yield Row(
                _NAME,
                f"{case}, against a bare {'INSERT' if fresh else 'upsert'}",
                rates.cost("pushed", "bare"),
                f"{TIMES} time",
                Target(at_most=3) if fresh else None,
                pushed,
                f"{duration(rates.seconds('bare'))} untracked, one statement",
            )
            yield Row(
                _NAME,
                f"{case}, against a loop",
                rates.ratio("pushed", "looped"),
                f"{TIMES} rate",
                Target(at_least=5) if fresh else None,
                pushed,
                f"{duration(rates.seconds('looped'))} row by row",
            )
        counts = [admin.execute(f"select count(*) from app.{name}").fetchone() for name in ("pushed", "looped", "bare")]
        assert counts[0] == counts[1] == counts[2], counts


def _text(name: str, rows: int, seed: int) -> str:
    return json.dumps({name: {"created": synced.records(rows, seed=seed), "updated": [], "deleted": []}})


def _seconds(connection: psycopg.Connection[Any], statement: str, arguments: tuple[Any, ...]) -> float:
    started = time.perf_counter()
    cursor = connection.execute(statement.encode(), arguments)
    took = time.perf_counter() - started
    answer = cursor.fetchone() if cursor.description else None
    if answer is not None and answer[0]:
        assert answer[0]["success"], answer[0]
        assert not answer[0].get("quarantined"), answer[0]["quarantined"][:3]
    return took
