"""Tables of an application that syncs: made, protected by their own policies, registered, and compared with devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.watermelon import Column, Device, Link

if TYPE_CHECKING:
    import psycopg

    from harness import Database

TEXT, NUMBER, BOOLEAN = (Column(kind, optional=True) for kind in ("string", "number", "boolean"))

OWN = "user_id = (select syncwell.current_user_id())"
_PROTECT = """
alter table public.{name} owner to t_owner;
alter table public.{name} enable row level security;
create policy own on public.{name} using ({policy});
grant select, insert, update, delete on public.{name} to syncwell_client, syncwell_worker;
"""


def create(connection: psycopg.Connection[Any], name: str, definition: str, policy: str = OWN) -> None:
    """A table with row-level security that shows everybody his own rows; t_owner's, as an application's would be."""
    connection.execute(f"create table public.{name} {definition}".encode())
    connection.execute(_PROTECT.format(name=name, policy=policy).encode())


def register(connection: psycopg.Connection[Any], name: str, **options: Any) -> int:
    """Call register_synced_table(); `options` are its arguments without `p_`."""
    arguments = "".join(f", p_{option} => %({option})s" for option in options)
    row = connection.execute(
        f"select syncwell.register_synced_table(%(name)s::regclass{arguments})".encode(),
        {"name": f"public.{name}", **options},
    ).fetchone()
    assert row is not None
    return int(row[0])


def device(database: Database, login: str, schema: Any, device_id: str | None = None, **options: Any) -> Device:
    """A device of a user who has a login of his own; its Link is `device.pull.__self__`."""
    return linked(Link(database.connect(login, autocommit=True), device_id, **options), schema)


def linked(link: Link, schema: Any) -> Device:
    return Device(schema, link.pull, link.push, send_created_as_updated=link.created_as_updated)


def link_of(device: Device) -> Link:
    link = device.pull.__self__  # type: ignore[attr-defined]
    assert isinstance(link, Link)
    return link


def rows(
    connection: psycopg.Connection[Any],
    table: str,
    columns: str,
    owner: object,
    *,
    key: str = "id",
    scope: str = "user_id",
) -> dict[str, dict[str, Any]]:
    """What a device of `owner` must hold."""
    query = f"select {key}::text as _id, {columns} from public.{table} where {scope} = %s"
    cursor = connection.execute(query.encode(), [owner])
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in cursor}


def difference(device: dict[str, Any], table: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a device; empty when nothing is."""
    found = {
        "missing": sorted(set(table) - set(device)),
        "excess": sorted(set(device) - set(table)),
        "differing": sorted(key for key in set(table) & set(device) if table[key] != device[key]),
    }
    return {what: ids for what, ids in found.items() if ids}
