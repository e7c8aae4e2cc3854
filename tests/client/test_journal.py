"""Two devices of the journal, each a real WatermelonDB client, over HTTP."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from harness import journal
from harness.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from harness.clients import Clients
    from harness.node import Node

PULL, PUSH = "/sync/pull", "/sync/push"
VERBS = ("pull", "push")


class Pair:
    """A phone and a laptop of one user."""

    def __init__(self, served: journal.Served, devices: Clients, adapter: str, folder: Path) -> None:
        self.served = served
        self.devices = devices
        self._adapter = adapter
        self._folder = folder
        self.open("phone")
        self.open("laptop")

    def open(self, name: str, **options: Any) -> None:
        self.devices(
            "open",
            **{
                "name": name,
                "url": self.served.url,
                "token": self.served.token(),
                "adapter": self._adapter,
                "dbName": str(self._folder / f"{name}.db") if self._adapter == "sqlite" else name,
            }
            | options,
        )

    def create(self, device: str, table: str, **values: Any) -> str:
        record: str = self.devices("create", device, table=table, values=values)
        return record

    def update(self, device: str, table: str, record: str, **values: Any) -> None:
        self.devices("update", device, table=table, id=record, values=values)

    def delete(self, device: str, table: str, record: str) -> None:
        self.devices("delete", device, table=table, id=record)

    def sync(self, device: str, *, lose: tuple[str, ...] = ()) -> list[str]:
        """The calls it took, by verb; the sync must succeed."""
        answer = self.devices("sync", device, lose=lose)
        assert answer["ok"], answer
        return [call["verb"] for call in answer["calls"]]

    def rows(self, device: str, table: str) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.devices("dump", device)[table]}

    def assert_equal(self, *names: str) -> None:
        """All devices have what the server has, the client's own check agrees, and it has complained of nothing."""
        names = names or ("phone", "laptop")
        for _ in range(2):
            for name in names:
                self.sync(name)
        stored = self.served.stored()
        for name in names:
            assert journal.differences(stored, self.devices("dump", name)) == []
            assert not self.devices("dirty", name)
            diagnosis = self.devices("diagnose", name)
            assert diagnosis["issueCount"] == 0, diagnosis["log"]
        assert self.devices("messages") == []


@pytest.fixture(params=["lokijs", "sqlite"])
def pair(
    request: pytest.FixtureRequest, client: Node, served: journal.Served, devices: Clients, tmp_path: Path
) -> Pair:
    if request.param not in client.adapters:
        pytest.skip(f"no {request.param}: better-sqlite3 has no binary for this machine and could not be compiled")
    return Pair(served, devices, request.param, tmp_path)


def fill(pair: Pair, device: str) -> dict[str, str]:
    """A record in each of the ten tables."""
    made = {
        "friends": pair.create(
            device, "friends", name="Mara", tier="close", tags='["climbing", "Köln"]', closeness=7.5
        ),
        "interactions": pair.create(
            device, "interactions", kind="walk", title="By the river", happened_at=1_700_000_000_123
        ),
        "intentions": pair.create(device, "intentions", title="Call more often", due_on="2027-01-31"),
    }
    friend = made["friends"]
    made |= {
        "life_events": pair.create(device, "life_events", friend_id=friend, kind="move", happens_on="2027-05-01"),
        "interaction_friends": pair.create(
            device, "interaction_friends", interaction_id=made["interactions"], friend_id=friend
        ),
        "intention_friends": pair.create(
            device, "intention_friends", intention_id=made["intentions"], friend_id=friend
        ),
        "weekly_reflections": pair.create(
            device, "weekly_reflections", week_start="2026-11-16", rating=4, highlights='[{"text": "“quiet”\\n"}]'
        ),
        "journal_entries": pair.create(
            device, "journal_entries", friend_id=friend, body="Snow, and 友達 at the door", written_at=1_700_000_000_000
        ),
        "user_profile": pair.create(device, "user_profile", id="me", display_name="Ann", onboarding_completed=True),
        "user_progress": pair.create(device, "user_progress", id="me", points=2**40, achievements='["first week"]'),
    }
    return made


def test_a_sync_of_ten_tables_is_one_pull_and_at_most_one_push(pair: Pair) -> None:
    requests = pair.served.requests
    assert set(fill(pair, "phone")) == set(journal.TABLES)
    assert pair.sync("phone") == ["pull", "push"]
    assert requests == {PULL: 1, PUSH: 1}
    stored = pair.served.stored()
    assert {table: len(rows) for table, rows in stored.items()} == dict.fromkeys(journal.TABLES, 1)
    assert stored["journal_entries"].popitem()[1]["words"] == 6

    # nothing is dirty: a pull and no push, also where the pull brings ten tables
    assert pair.sync("laptop") == ["pull"]
    assert pair.sync("phone") == ["pull"]
    assert pair.sync("phone") == ["pull"]
    assert requests == {PULL: 4, PUSH: 1}
    pair.assert_equal()


def test_two_devices_edit_and_delete_offline(pair: Pair) -> None:
    made = fill(pair, "phone")
    pair.sync("phone")
    pair.sync("laptop")
    pair.update("laptop", "journal_entries", made["journal_entries"], body="Rain", mood=None)
    pair.delete("laptop", "weekly_reflections", made["weekly_reflections"])
    other = pair.create("laptop", "friends", name="O'Neil \\ “x” 🍉")
    pair.update("phone", "interactions", made["interactions"], place="Ostpark")
    pair.create("phone", "life_events", title="offline, too", friend_id=None)
    pair.assert_equal()
    assert pair.rows("phone", "friends")[other]["name"] == "O'Neil \\ “x” 🍉"
    assert pair.rows("phone", "weekly_reflections") == {}
    assert pair.rows("laptop", "interactions")[made["interactions"]]["place"] == "Ostpark"
    assert pair.rows("phone", "journal_entries")[made["journal_entries"]]["words"] == 1


def test_a_conflict_is_refused_and_the_retry_merges_it(pair: Pair) -> None:
    friend = fill(pair, "phone")["friends"]
    pair.sync("phone")
    pair.update("phone", "friends", friend, notes="from the phone")
    pair.served.before[PUSH] = lambda: pair.served.execute("update journal.friends set nickname = 'by SQL'")
    assert pair.sync("phone") == ["pull", "push", "pull", "push"]
    merged = pair.served.stored()["friends"][friend]
    assert (merged["notes"], merged["nickname"], merged["name"]) == ("from the phone", "by SQL", "Mara")
    pair.assert_equal()


def test_columns_of_the_profile_are_merged_without_a_second_try(pair: Pair) -> None:
    fill(pair, "phone")
    pair.sync("phone")
    pair.update("phone", "user_profile", "me", display_name="Anna")
    moved = "update journal.user_profile set time_zone = 'Asia/Tokyo'"
    pair.served.before[PUSH] = lambda: pair.served.execute(moved)
    assert pair.sync("phone") == ["pull", "push"]
    merged = pair.served.stored()["user_profile"]["me"]
    assert (merged["display_name"], merged["time_zone"]) == ("Anna", "Asia/Tokyo")
    pair.assert_equal()


def test_a_profile_made_on_two_devices_offline_is_one(pair: Pair) -> None:
    pair.create("phone", "user_profile", id="me", display_name="Ann")
    pair.create("laptop", "user_profile", id="me", display_name="Anna")
    pair.sync("phone")
    pair.sync("laptop")
    pair.assert_equal()
    assert set(pair.rows("phone", "user_profile")) == {"me"}


def test_what_a_deleted_row_takes_with_it_goes_on_every_device(pair: Pair) -> None:
    made = fill(pair, "phone")
    pair.sync("phone")
    pair.sync("laptop")
    pair.served.execute("delete from journal.friends")
    pair.sync("laptop")
    assert pair.rows("laptop", "interaction_friends") == pair.rows("laptop", "intention_friends") == {}
    assert pair.rows("laptop", "life_events")[made["life_events"]]["friend_id"] is None
    assert pair.rows("laptop", "journal_entries")[made["journal_entries"]]["friend_id"] is None
    pair.assert_equal()


@pytest.mark.parametrize("verb", VERBS)
def test_a_lost_answer_loses_nothing(pair: Pair, verb: str) -> None:
    made = fill(pair, "phone")
    calls = pair.sync("phone", lose=(verb,))
    # the push whose answer was lost arrived: told again, it is no conflict and makes nothing twice
    assert calls == (["pull", "pull", "push"] if verb == "pull" else ["pull", "push", "pull", "push"])
    assert {table: len(rows) for table, rows in pair.served.stored().items()} == dict.fromkeys(journal.TABLES, 1)
    pair.update("phone", "friends", made["friends"], name="Mara again")
    pair.delete("phone", "interactions", made["interactions"])
    pair.sync("phone", lose=(verb,))
    pair.assert_equal()


def test_a_push_lost_and_edited_meanwhile(pair: Pair) -> None:
    friend = pair.create("phone", "friends", name="Mara")
    lost = pair.devices("sync", "phone", lose=["push", "push"])
    assert not lost["ok"]
    pair.update("phone", "friends", friend, name="Maria")
    assert pair.sync("phone") == ["pull", "push"]
    doomed = pair.create("phone", "friends", name="Jonas")
    pair.devices("sync", "phone", lose=["push", "push"])
    # deleted here while the server has it as created: it must not come back
    pair.delete("phone", "friends", doomed)
    pair.assert_equal()
    assert [row["name"] for row in pair.rows("laptop", "friends").values()] == ["Maria"]


def test_an_edit_made_during_the_push_goes_with_the_next(pair: Pair) -> None:
    friend = pair.create("phone", "friends", name="Mara")
    answer = pair.devices("sync", "phone", edit={"table": "friends", "id": friend, "values": {"name": "Maria"}})
    assert answer["ok"]
    assert pair.served.stored()["friends"][friend]["name"] == "Mara"
    assert pair.devices("dirty", "phone")
    pair.assert_equal()
    assert pair.served.stored()["friends"][friend]["name"] == "Maria"


def test_a_record_that_hangs_on_a_deleted_one_blocks_nobody(pair: Pair) -> None:
    made = fill(pair, "phone")
    pair.sync("phone")
    link = pair.create("phone", "interaction_friends", interaction_id=made["interactions"], friend_id=made["friends"])
    pair.create("phone", "intentions", title="goes with it")
    pair.served.before[PUSH] = lambda: pair.served.execute("delete from journal.friends")
    pair.sync("phone")
    # put aside on the server, where a person can look at it, and gone from the device that can't know why
    kept = pair.served.execute("select table_name, record_id, error_code from syncwell.sync_quarantine")
    assert kept == [("interaction_friends", link, "23503")]
    assert "goes with it" in {row["title"] for row in pair.served.stored()["intentions"].values()}
    pair.assert_equal()
    assert pair.rows("phone", "interaction_friends") == {}


def test_a_record_moved_to_another_user_goes_and_comes(pair: Pair) -> None:
    event = fill(pair, "phone")["life_events"]
    pair.open("other", token=pair.served.token("a_other"))
    pair.sync("phone")
    pair.sync("laptop")
    pair.sync("other")
    other = pair.served.tenants.id("a_other")
    pair.served.execute("update journal.life_events set user_id = %s, friend_id = null", other)
    pair.assert_equal()
    assert pair.rows("laptop", "life_events") == {}
    pair.sync("other")
    assert set(pair.rows("other", "life_events")) == {event}
    assert pair.devices("diagnose", "other")["issueCount"] == 0
    assert pair.devices("messages") == []


def test_the_first_sync_of_an_empty_server(pair: Pair) -> None:
    assert pair.sync("phone") == ["pull"]
    pair.assert_equal("phone")


def test_an_update_of_the_app_fills_its_new_table_and_column(pair: Pair) -> None:
    pair.open("old", version=1)
    fill(pair, "phone")
    pair.create("phone", "friends", name="no closeness")
    pair.sync("phone")
    pair.sync("old")
    offline = pair.create("old", "friends", name="made by the old version")
    pair.devices("reopen", "old", version=2)
    assert pair.rows("old", "weekly_reflections") == {}
    assert pair.sync("old") == ["pull", "push"]
    assert len(pair.rows("old", "weekly_reflections")) == 1
    assert sorted(row["closeness"] for row in pair.rows("old", "friends").values()) == [0, 0, 7.5]
    assert offline in pair.served.stored()["friends"]
    pair.assert_equal("phone", "old", "laptop")


@pytest.mark.parametrize("reason", ["invalidated", "unknown cursor", "tombstones purged"])
def test_a_replacement_keeps_what_is_not_pushed_yet(pair: Pair, reason: str) -> None:
    made = fill(pair, "phone")
    pair.sync("phone")
    pair.sync("laptop")
    if reason == "invalidated":
        member = pair.served.tenants.id("a_member")
        with pair.served.database.connect("operator") as connection:
            connection.execute("select syncwell.invalidate_client(%s, 'laptop')", [member])
    pair.served.execute("delete from journal.weekly_reflections")
    pair.served.execute("update journal.friends set notes = 'by SQL'")
    pair.served.execute("insert into journal.intentions (user_id, id) select user_id, 'new' from journal.friends")
    if reason == "unknown cursor":
        pair.devices("setPulled", "laptop", value=5)
    elif reason == "tombstones purged":
        assert pair.served.execute("select syncwell.cleanup_old_tombstones('0 seconds')")[0][0] > 0
    pair.update("laptop", "friends", made["friends"], nickname="edited offline")
    created = pair.create("laptop", "journal_entries", body="created offline")
    pair.delete("laptop", "interactions", made["interactions"])
    pair.sync("laptop")
    stored = pair.served.stored()
    assert stored["friends"][made["friends"]]["nickname"] == "edited offline"
    assert stored["friends"][made["friends"]]["notes"] == "by SQL"
    assert created in stored["journal_entries"]
    assert stored["interactions"] == {}
    assert pair.rows("laptop", "weekly_reflections") == {}
    assert "new" in pair.rows("laptop", "intentions")
    pair.assert_equal()


def test_without_the_flag_only_a_replacement_is_remarked_on(pair: Pair) -> None:
    pair.open("plain", sendCreatedAsUpdated=False)
    fill(pair, "phone")
    pair.sync("phone")
    pair.sync("plain")
    made = pair.create("plain", "intentions", title="made here")
    pair.sync("plain", lose=("push",))
    pair.served.execute("insert into journal.intentions (user_id, id) select user_id, 'sql 1' from journal.friends")
    pair.served.execute("update journal.friends set notes = 'by SQL'")
    pair.delete("plain", "intentions", made)
    pair.assert_equal("plain", "phone")
    assert made not in pair.rows("plain", "intentions")

    pair.served.execute("insert into journal.intentions (user_id, id) select user_id, 'sql 2' from journal.friends")
    pair.devices("setPulled", "plain", value=5)
    pair.sync("plain")
    messages = pair.devices("messages")
    assert len(messages) == 1
    assert "Server wants client to update record intentions#sql 2, but it doesn't exist locally" in messages[0]
    pair.assert_equal("plain", "phone")


def test_the_answer_is_json_text_with_the_cursor_in_it(pair: Pair) -> None:
    fill(pair, "phone")
    pair.sync("phone")
    answer = pair.devices("sync", "laptop", keepText=True)
    document = json.loads(answer["calls"][0]["text"])
    assert isinstance(document["timestamp"], int)
    assert 0 < document["timestamp"] < 2**53
    assert str(document["timestamp"]) == pair.devices("pulled", "laptop")
    # what turbo asks of a first pull: every table's three arrays and no deletions
    assert set(document["changes"]) == set(journal.TABLES)
    for change in document["changes"].values():
        assert set(change) == {"created", "updated", "deleted"}
        assert change["deleted"] == []


def test_devices_are_in_the_health_report_without_telling_it(pair: Pair) -> None:
    fill(pair, "phone")
    pair.sync("phone")
    pair.sync("laptop")
    query = """
      select source, status, last_success_at is not null from syncwell.get_sync_health_status() where source is not null
    """
    with pair.served.database.connect("a_member") as connection:
        assert connection.execute(query).fetchall() == [("app", "healthy", True)]
    with pair.served.database.connect("b_member") as connection:
        assert connection.execute(query).fetchall() == []


def test_the_readme_s_client_syncs(client: Node, served: journal.Served) -> None:
    block = re.search(r"^```js\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    script = f"""
      const {{ synchronize }} = require('@nozbe/watermelondb/sync')
      const {{ openJournal, create }} = require({str(journal.FOLDER / "client.js")!r})
      const [url, token, deviceId] = [{served.url!r}, {served.token()!r}, 'readme']
      async function main() {{
        const database = openJournal()
        await database.write(() => create(database, 'friends', {{ name: 'Mara' }}))
        {block[1]}
      }}
      main().catch((error) => {{ console.error(error); process.exitCode = 1 }})
    """
    assert run(client, "-e", script).stderr == ""
    assert [row["name"] for row in served.stored()["friends"].values()] == ["Mara"]


def test_the_example_runs_as_it_is(client: Node, served: journal.Served) -> None:
    done = run(client, str(journal.FOLDER / "two-devices.js"), served.url, served.token())
    assert done.stderr == ""
    assert done.stdout.splitlines()[-2:] == [
        f"{name} has Mara, “Mari”, moves house in May" for name in ("phone", "laptop")
    ]


def run(client: Node, *args: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [client.executable, *args], env=client.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done
