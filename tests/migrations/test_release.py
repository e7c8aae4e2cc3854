"""The release, tried on a copy: 0001 is frozen, and what comes after it are migrations of a filled database."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.modules import load
from harness.paths import SQL
from harness.reference import ANN, company
from syncwell import migrate
from syncwell.errors import DataWouldBeLostError

from .conftest import NOTE, NOTE_ROLLBACK
from .test_install_rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from harness import Database

    from .conftest import Installer

GUARD = """do $guard$
begin
  if not exists (select from syncwell.schema_migrations as m where m.id = '{before}') then
    raise exception using errcode = 'SW901', message = '{before} is missing', detail = '-', hint = 'Apply it first.';
  end if;
  if exists (select from syncwell.schema_migrations as m where m.id = '{id}') then
    raise exception using errcode = 'SW902', message = '{id} is applied', detail = '-', hint = 'All is done.';
  end if;
end
$guard$;
"""
HEAD = """set local lock_timeout = '5s';
set local search_path = pg_catalog, pg_temp;
set local role syncwell_owner;

"""
APPLIED = """
insert into syncwell.schema_migrations (id, name, sha256, applied_at, applied_by) values
('{id}', '{name}', '0000000000000000000000000000000000000000000000000000000000000000', syncwell._now(), session_user);
"""
LIMIT, LABEL = (
    "core/functions/_check_limit.sql",
    "comment on column syncwell.streams.label is 'What people call it.';\n",
)
SETTING = """insert into syncwell.setting_definitions (
  key, kind, default_value, minimum, maximum, allowed, unit, description
) values ('runs.labelled', 'boolean', 'off', null, null, null, null, 'Whether streams are labelled.');
"""
# An additive change that old clients don't notice, and one that needs them gone.
PRE = (
    HEAD
    + GUARD.format(before="0001", id="0002")
    + """
alter table syncwell.streams add column label text;
alter table syncwell.streams add constraint streams_label_check check (length(label) <= 100) not valid;
"""
    + LABEL
    + SETTING
    + f"\n--! include {LIMIT}\n--! end\n\nselect syncwell._note_installed();\n"
    + APPLIED.format(id="0002", name="pre_labels")
)
PRE_ROLLBACK = """
do $guard$
begin
  if coalesce(current_setting('syncwell.allow_data_loss', true), '') <> 'on'
    and exists (select from syncwell.streams as s where s.label is not null)
  then
    raise exception using
      errcode = 'SW904', message = 'streams have labels', detail = 'syncwell.streams.label', hint = 'Allow it.';
  end if;
end
$guard$;
alter table syncwell.streams drop column label;
delete from syncwell.setting_definitions where key = 'runs.labelled';
"""
POST = (
    HEAD
    + GUARD.format(before="0002", id="0003")
    + "alter table syncwell.streams validate constraint streams_label_check;\nselect syncwell._note_installed();\n"
    + APPLIED.format(id="0003", name="post_labels")
)
POST_ROLLBACK = f"""{HEAD}
alter table syncwell.streams drop constraint streams_label_check;
alter table syncwell.streams add constraint streams_label_check check (length(label) <= 100) not valid;
select syncwell._note_installed();
delete from syncwell.schema_migrations where id = '0003';
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The build of a copy in which all there is was released; tests leave it as it was."""
    folder = tmp_path_factory.mktemp("released") / "sql"
    shutil.copytree(SQL, folder, ignore=shutil.ignore_patterns("__pycache__"))
    module = load(folder / "build.py")
    assert module.freeze() == 0
    return module


def complaints(build: ModuleType, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert build.check() == 1
    return capsys.readouterr().err


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def built(release: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """0002 and 0003 on top, assembled, with the domain folders as they leave the schema."""
    copy = tmp_path_factory.mktemp("next") / "sql"
    shutil.copytree(release.SQL, copy)
    release = load(copy / "build.py")
    folder, old = release.MIGRATIONS, (release.SQL / LIMIT).read_text()
    edit(release.SQL / LIMIT, "not between 1 and 1000", "not between 1 and 2000")
    tables = release.SQL / "core" / "tables.sql"
    start = tables.read_text().index("create table syncwell.streams (")
    end = tables.read_text().index("\n);\n", start)
    check = "label text constraint streams_label_check check (length(label) <= 100)"
    text = tables.read_text()
    tables.write_text(f"{text[:end]},\n  {check}{text[end:]}\n{LABEL}")
    with (release.SQL / "runs" / "registry.sql").open("a") as registry:
        registry.write(f"\n{SETTING}")

    (folder / "0002_pre_labels.sql").write_text(PRE)
    restored = "\nselect syncwell._note_installed();\ndelete from syncwell.schema_migrations where id = '0002';\n"
    (folder / "0002_pre_labels.rollback.sql").write_text(HEAD + PRE_ROLLBACK + old + restored)
    (folder / "0003_post_labels.sql").write_text(POST)
    (folder / "0003_post_labels.rollback.sql").write_text(POST_ROLLBACK)
    assert release.assemble() == 0
    assert release.check() == 0
    return release


@pytest.fixture
def next_release(built: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The runner works on it."""
    monkeypatch.setattr(migrate, "sql_folder", lambda: built.SQL)
    return built


def test_what_is_frozen_stays(release: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    known = release.frozen()
    assert sorted(known) == sorted(path.name for path in release.MIGRATIONS.glob("*.sql"))
    for name in known:
        path = release.MIGRATIONS / name
        text = path.read_text()
        path.write_text(text.replace("-- ", "--  ", 1))
        assert release.wrong_hashes() == [f"migrations/{name}: frozen, and edited; a change needs a new migration"]
        path.unlink()
        assert release.wrong_hashes() == [f"migrations/{name}: frozen, and missing"]
        path.write_text(text)
    assert release.wrong_hashes() == []

    edit(release.SQL / LIMIT, "not between 1 and 1000", "not between 1 and 2000")
    assert release.assemble() == 0
    assert f"{LIMIT}: differs from its last copy, in migrations/0001_foundation.sql" in complaints(release, capsys)
    assert release.freeze() == 1, "nothing is frozen that does not pass"
    assert release.frozen() == known
    edit(release.SQL / LIMIT, "not between 1 and 2000", "not between 1 and 1000")


@pytest.mark.parametrize(
    ("name", "is_right"), [("0002_note", False), ("0002_pre_note", True), ("0002_post_note", True)]
)
def test_what_follows_says_its_phase(release: ModuleType, name: str, is_right: bool) -> None:
    files = {f"{name}.sql": release.stamp(NOTE), f"{name}.rollback.sql": NOTE_ROLLBACK}
    for file, text in files.items():
        (release.MIGRATIONS / file).write_text(text)
    wrong = release.wrong_names()
    for file in files:
        (release.MIGRATIONS / file).unlink()
    assert wrong == ([] if is_right else [f"migrations/{name}.sql: after a release the name says pre or post"])


def test_the_folders_equal_the_chain(next_release: ModuleType, empty: Database, installer: Installer) -> None:
    with empty.connect() as connection:
        migrate.migrate(connection)
        chain = installer.schema(empty), rows(connection)
        connection.execute("drop schema syncwell, syncwell_tables cascade")
        head, marker, _ = (next_release.MIGRATIONS / "0001_foundation.sql").read_text().partition("--! include all")
        assert marker
        for text in (head, *(file.text for file in next_release.sources())):
            connection.execute(text.encode())
        connection.commit()
        made = rows(connection)
    assert (installer.schema(empty), {"schema_migrations": chain[1]["schema_migrations"], **made}) == chain


@pytest.fixture
def filled(database: Database) -> Iterator[Database]:
    """A database of the release, in which a company works."""
    with company(database):
        yield database


def state(database: Database) -> dict[str, Any]:
    """What people see: health, runs, sessions, issues, what waits; and whether the installation is as it should be."""
    asked = {
        "health": "select source, status, score from syncwell.get_sync_health_status()",
        "runs": "select event_id, status from syncwell.get_recent_sync_events()",
        "issues": "select issue_id, state, evidence from syncwell.get_sync_issues()",
        "sessions": "select session_id, records from syncwell.get_recent_sessions()",
        "operations": "select operation_id, status from syncwell.get_operations()",
        "conflicts": "select conflict_id, outcome from syncwell.get_sync_conflicts()",
    }
    with database.connect("a_admin") as session:
        found: dict[str, Any] = {name: session.execute(query.encode()).fetchall() for name, query in asked.items()}
        session.rollback()
    assert all(found.values())
    with database.connect("operator") as operator:
        wrong = operator.execute(
            "select * from syncwell.verify_install() where check_name in ('objects', 'grants', 'schema version')"
            " and severity <> 'ok'"
        ).fetchall()
    assert wrong == []
    return found


def pulled(database: Database, cursor: int | None) -> dict[str, Any]:
    with database.connect("a_admin", autocommit=True) as session:
        row = session.execute("select syncwell.sync_pull(%s, p_device_id => 'phone-9')", [cursor]).fetchone()
    assert row is not None
    return dict(row[0])


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


@pytest.mark.usefixtures("next_release")
def test_an_upgrade_keeps_what_is_there(filled: Database, installer: Installer) -> None:
    admin = filled.connect()
    cursor = pulled(filled, None)["timestamp"]
    schema, seen = installer.schema(filled), state(filled)
    before = rows(admin)
    admin.rollback()
    with filled.connect("a_admin") as session, pytest.raises(psycopg.errors.InvalidParameterValue):
        session.execute("select * from syncwell.get_recent_sync_events(p_limit => 1500)")

    assert [one.name for one in migrate.migrate(admin)] == ["pre_labels", "post_labels"]
    assert state(filled) == seen
    # the rows of streams have a column more
    changed = {"setting_definitions", "installed_objects", "schema_migrations"}
    assert differences(before, rows(admin)) == changed | {"streams"}
    columns = "org_id, stream_id, user_id, source, expected_interval, cron, platform, registered_at"
    admin.rollback()
    with filled.connect("a_admin") as session:
        session.execute("select * from syncwell.get_recent_sync_events(p_limit => 1500)")
        session.execute(f"select {columns}, label from syncwell.streams".encode())

    # devices go on where they were, old cursors and all
    admin.execute("insert into app.todos values ('t3', %s, 'oil')", [ANN])
    admin.commit()
    assert [one["id"] for one in pulled(filled, cursor)["changes"]["todos"]["created"]] == ["t3"]

    admin.execute("update syncwell.streams set label = 'x' where source = 'calls'")
    admin.commit()
    with pytest.raises(DataWouldBeLostError):
        migrate.rollback(admin, "0001")
    admin.rollback()
    assert [one.state for one in migrate.status(admin)] == ["applied", "applied", "pending"]
    admin.execute("update syncwell.streams set label = null")
    admin.commit()
    seen, upgraded = state(filled), rows(admin)
    admin.rollback()
    assert [one.name for one in migrate.rollback(admin, "0001")] == ["pre_labels"]
    assert installer.schema(filled) == schema
    assert state(filled) == seen
    after = rows(admin)
    assert differences(upgraded, after) == changed | {"streams"}
    assert {name: after[name] for name in changed | {"streams"}} == {
        name: before[name] for name in changed | {"streams"}
    }
    admin.rollback()

    # and once more
    assert [one.name for one in migrate.migrate(admin)] == ["pre_labels", "post_labels"]
    assert state(filled) == seen
