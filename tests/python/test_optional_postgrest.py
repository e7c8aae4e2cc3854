"""sql/optional/postgrest.sql: who is who when PostgREST, or Supabase, passes requests on."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Tenants
from harness.postgrest import ADAPTER, ROLES, PostgREST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Database

A = Tenants.org("a")


def claims(user: str, **more: Any) -> dict[str, Any]:
    return {"sub": str(Tenants.id(user)), "role": "authenticated", "aud": "authenticated"} | more


MEMBER, OTHER, ADMIN, FOREIGN = (claims(user) for user in ("a_member", "a_other", "a_admin", "b_member"))


@pytest.fixture
def rest(database: Database) -> PostgREST:
    return PostgREST.install(database)


@pytest.fixture(scope="module")
def settled(cluster: Cluster) -> Iterator[PostgREST]:
    """Where a_member and a_other have a run each; for what changes nothing."""
    with cluster.database() as database:
        rest = PostgREST.install(database)
        ran(rest, MEMBER)
        ran(rest, OTHER)
        yield rest


def ran(rest: PostgREST, who: dict[str, Any], source: str = "notes") -> str:
    """A run of this user's, by named arguments; its id."""
    start = rest.rpc("record_sync_start", {"p_source": source, "p_platform": "ios"}, claims=who)
    assert start.status == 200, start.body
    done = rest.rpc(
        "record_sync_complete",
        {"p_event_id": start.body["event_id"], "p_lease": start.body["lease"], "p_items_processed": 3},
        claims=who,
    )
    assert (done.status, done.body["status"]) == (200, "success")
    event: str = start.body["event_id"]
    return event


def test_authenticated_is_its_sub(settled: PostgREST) -> None:
    me = settled.rpc("who_am_i", claims=MEMBER).body
    assert (me["login_role"], me["kind"], me["role"]) == ("authenticator", "jwt", "member")
    assert (me["org_id"], me["user_id"]) == (str(A), MEMBER["sub"])
    assert me["rule"] == "sub of request.jwt.claims"


def test_functions_take_named_arguments_and_tell_each_its_own(rest: PostgREST) -> None:
    event = ran(rest, MEMBER)
    ran(rest, FOREIGN)
    for who, seen in ((MEMBER, [event]), (OTHER, []), (ADMIN, [event])):
        answer = rest.rpc("get_recent_sync_events", {"p_source": "notes", "p_limit": 10}, claims=who)
        assert answer.status == 200
        assert [row["event_id"] for row in answer.body] == seen
        rows = rest.select("sync_events", "id,status", claims=who, where={"source": "notes"})
        assert rows.body == [{"id": one, "status": "success"} for one in seen]
    # a name that there is not, a foreign run
    assert rest.rpc("get_recent_sync_events", {"source": "notes"}, claims=MEMBER).status == 404
    refused = rest.rpc("cancel_sync_run", {"p_event_id": event}, claims=FOREIGN)
    assert (refused.status, refused.body["code"]) == (400, "SW101")


def test_tables_are_read_and_written_under_row_level_security(rest: PostgREST) -> None:
    row = {"sync_id": "import-1", "entity_type": "product", "total_items": 10, "processed_count": 4}
    assert rest.insert("sync_progress", row, claims=MEMBER).status == 201
    # the org's, with the actor named; nobody else's org's
    (seen,) = rest.select("sync_progress_live", claims=OTHER, where={"sync_id": "import-1"}).body
    assert (seen["org_id"], seen["initiated_by"], seen["status"]) == (str(A), MEMBER["sub"], "in_progress")
    assert rest.select("sync_progress_live", claims=FOREIGN).body == []
    refused = rest.insert("sync_progress", row | {"org_id": str(A)}, claims=FOREIGN)
    assert (refused.status, refused.body["code"]) == (403, "42501")
    ran(rest, MEMBER)
    assert [one["user_id"] for one in rest.select("streams", claims=MEMBER).body] == [MEMBER["sub"]]
    assert rest.select("streams", claims=OTHER).body == []
    assert rest.select("streams", claims=FOREIGN).body == []
    # details are read by functions, whoever asks: a table that has some is read by its other columns
    for table, columns in (("logins", "*"), ("sync_events", "*"), ("sync_errors", "id,error_message")):
        refused = rest.select(table, columns, claims=ADMIN)
        assert (refused.status, refused.body["code"]) == (403, "42501")


@pytest.mark.parametrize("who", [None, {"role": "anon"}, {"role": "anon", "sub": MEMBER["sub"]}])
def test_anon_sees_and_does_nothing(settled: PostgREST, who: dict[str, Any] | None) -> None:
    functions = (
        settled.database.connect()
        .execute(
            "select p.proname::text from pg_proc as p where p.pronamespace = 'syncwell'::regnamespace"
            " and has_function_privilege('anon', p.oid, 'execute')"
        )
        .fetchall()
    )
    relations = (
        settled.database.connect()
        .execute(
            "select c.relname::text from pg_class as c where c.relnamespace = 'syncwell'::regnamespace"
            " and c.relkind in ('r', 'v', 'p') and has_any_column_privilege('anon', c.oid, 'select, insert, update')"
        )
        .fetchall()
    )
    assert functions == relations == []
    for answer in (
        settled.rpc("who_am_i", claims=who),
        settled.rpc("get_recent_sync_events", claims=who),
        settled.rpc("sync_pull", claims=who),
        settled.select("sync_events", claims=who),
        settled.select("error_codes", claims=who),
        settled.insert("sync_progress", {"sync_id": "x"}, claims=who),
    ):
        assert (answer.status, answer.body["code"]) == (401, "42501")


@pytest.mark.parametrize(
    "forged",
    [
        {"user_role": "admin"},
        {"app_metadata": {"role": "admin", "org_id": str(Tenants.org("b"))}},
        {"user_metadata": {"role": "admin"}},
        {"org_id": str(Tenants.org("b")), "kind": "gateway"},
        {"syncwell.user_id": str(Tenants.id("b_member")), "syncwell": {"role": "service"}},
    ],
)
def test_other_claims_change_nothing(settled: PostgREST, forged: dict[str, Any]) -> None:
    plain = settled.rpc("who_am_i", claims=MEMBER).body
    assert settled.rpc("who_am_i", claims=MEMBER | forged).body == plain
    (row,) = settled.rpc("get_recent_sync_events", claims=MEMBER | forged).body
    assert row["user_id"] == MEMBER["sub"]


@pytest.mark.parametrize(
    "role", ["syncwell_owner", "syncwell_operator", "syncwell_gateway", "postgres", "no_such_role"]
)
def test_a_forged_role_is_refused(settled: PostgREST, role: str) -> None:
    answer = settled.rpc("who_am_i", claims=MEMBER | {"role": role})
    assert answer.body["code"] in ("42501", "22023")


def test_a_key_without_a_user_gets_nothing(settled: PostgREST) -> None:
    for answer in (
        settled.rpc("who_am_i", claims={"role": "service_role"}),
        settled.select("streams", claims={"role": "service_role"}),
        settled.select("streams", claims=MEMBER | {"role": "service_role"}),
    ):
        assert (answer.status, answer.body["code"]) == (403, "42501")


@pytest.mark.parametrize(
    "sub", [None, "", "not a uuid", str(uuid.UUID(int=7)), {"a": 1}, "\\u0000", str(Tenants.id("a_member")) + " "]
)
def test_whom_nobody_knows_is_nobody(settled: PostgREST, sub: Any) -> None:
    who = MEMBER | {"sub": sub}
    answer = settled.rpc("get_recent_sync_events", claims=who)
    assert (answer.status, answer.body["code"]) == (400, "SW001")
    assert settled.select("streams", claims=who).body == []
    assert settled.rpc("who_am_i", claims=who).body["role"] is None


def test_nobody_acts_for_others(settled: PostgREST) -> None:
    for function, value in (("act_as", {"p_user_id": ADMIN["sub"]}), ("act_as_org", {"p_org_id": str(A)})):
        answer = settled.rpc(function, value, claims=MEMBER)
        assert (answer.status, answer.body["code"]) == (403, "42501")
    answer = settled.rpc("bind_login", {"p_login_role": "anon", "p_kind": "gateway"}, claims=ADMIN)
    assert (answer.status, answer.body["code"]) == (403, "42501")


def test_a_claim_does_not_outlive_its_transaction(rest: PostgREST, database: Database) -> None:
    with psycopg.connect(database.uri("authenticator"), autocommit=True) as pooled:
        with pooled.transaction():
            pooled.execute(
                "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                ['{"sub": "' + MEMBER["sub"] + '"}'],
            )
            assert pooled.execute("select role from syncwell.who_am_i()").fetchone() == ("member",)
        with pooled.transaction():
            pooled.execute("select set_config('role', 'authenticated', true)")
            assert pooled.execute("select role from syncwell.who_am_i()").fetchone() == (None,)
    assert rest.rpc("who_am_i", claims=MEMBER).body["role"] == "member"


def test_get_reads_oneself_and_asks_about_nobody_else(rest: PostgREST) -> None:
    ran(rest, MEMBER)
    own = rest.rpc("get_recent_sync_events", {"p_user_id": ADMIN["sub"]}, claims=ADMIN, get=True)
    assert (own.status, own.body) == (200, [])
    everything = rest.rpc("get_recent_sync_events", claims=ADMIN, get=True)
    assert [row["user_id"] for row in everything.body] == [MEMBER["sub"]]
    other = rest.rpc("get_recent_sync_events", {"p_user_id": MEMBER["sub"]}, claims=ADMIN, get=True)
    assert (other.status, other.body["code"]) == (405, "25006")
    assert rest.rpc("get_access_log", claims=MEMBER).body == []
    posted = rest.rpc("get_recent_sync_events", {"p_user_id": MEMBER["sub"]}, claims=ADMIN)
    assert [row["user_id"] for row in posted.body] == [MEMBER["sub"]]
    (noted,) = rest.rpc("get_access_log", claims=MEMBER).body
    assert (noted["function_name"], noted["user_id"]) == ("get_recent_sync_events", ADMIN["sub"])


def test_devices_pull_and_push_and_are_told_when_they_may_not(rest: PostgREST, database: Database) -> None:
    with psycopg.connect(database.uri()) as connection:
        connection.execute(
            """
            create table public.todos (id text primary key, user_id uuid not null, title text);
            grant select, insert, update, delete on public.todos to syncwell_client;
            select syncwell.register_synced_table('public.todos');
            """
        )
    push = {"p_changes": {"todos": {"created": [{"id": "t1", "title": "x"}], "updated": [], "deleted": []}}}
    refused = rest.rpc("sync_push", push, claims=MEMBER)
    assert refused.status == refused.body["error"]["status"] == 409
    assert refused.body["error"]["code"] == "40001"
    # the failure is a fact: the transaction was committed
    assert database.connect().execute(
        "select status, error_code from syncwell.sync_events where direction = 'push'"
    ).fetchall() == [("failed", "40001")]
    # the status is that of the transaction, and of no later one
    first = rest.rpc("sync_pull", claims=MEMBER)
    assert (first.status, first.body["changes"]["todos"]["created"]) == (200, [])
    pushed = rest.rpc("sync_push", push | {"p_last_pulled_at": first.body["timestamp"]}, claims=MEMBER)
    assert (pushed.status, pushed.body["success"]) == (200, True), pushed.body
    pulled = rest.rpc("sync_pull", {"p_device_id": "another"}, claims=MEMBER)
    assert [record["id"] for record in pulled.body["changes"]["todos"]["created"]] == ["t1"]
    assert rest.rpc("sync_pull", claims=FOREIGN).body["changes"]["todos"]["created"] == []


@pytest.fixture
def bare(cluster: Cluster) -> Iterator[Database]:
    with cluster.database() as database:
        yield database


def test_the_adapter_is_run_again_without_harm(bare: Database) -> None:
    PostgREST.install(bare)
    rest = PostgREST.install(bare)
    assert rest.rpc("who_am_i", claims=MEMBER).body["kind"] == "jwt"


def test_the_adapter_refuses_an_anon_that_may(bare: Database) -> None:
    with psycopg.connect(bare.uri()) as connection:
        connection.execute(ROLES.encode())
        connection.execute("grant usage on schema syncwell to anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="anon may use schema syncwell"):
            connection.execute(ADAPTER.read_bytes())


def test_the_adapter_says_which_roles_are_missing(bare: Database) -> None:
    script = ADAPTER.read_text().replace("'anon'", "'web_anon'").encode()
    with psycopg.connect(bare.uri()) as connection:
        connection.execute(ROLES.encode())
        with pytest.raises(psycopg.errors.UndefinedObject) as refused:
            connection.execute(script)
    assert refused.value.diag.message_detail == "Missing: web_anon."


def test_without_the_adapter_they_are_nobody(bare: Database) -> None:
    with psycopg.connect(bare.uri()) as connection:
        connection.execute(ROLES.encode())
        connection.execute("grant syncwell_reader to authenticated")
    answer = PostgREST(bare).rpc("get_recent_sync_events", claims=MEMBER)
    assert answer.body["code"] == "SW001"


def test_the_adapter_needs_no_superuser(bare: Database) -> None:
    """As on Supabase, where `postgres` made the roles and ran the migrations."""
    with psycopg.connect(bare.uri(), autocommit=True) as admin:
        admin.execute(ROLES.encode())
        admin.execute("create role deployer login createrole")
        try:
            admin.execute("grant syncwell_client, syncwell_reader, syncwell_worker to deployer with admin option")
            admin.execute("grant syncwell_owner to deployer")
            with psycopg.connect(bare.uri("deployer")) as connection:
                connection.execute(ADAPTER.read_bytes())
            assert PostgREST(bare).rpc("who_am_i", claims=MEMBER).body["kind"] == "jwt"
        finally:
            admin.execute("revoke syncwell_client, syncwell_reader, syncwell_worker from authenticated cascade")
            admin.execute("drop owned by deployer cascade")
            admin.execute("drop role deployer")


def test_the_installation_is_still_as_it_should_be(bare: Database) -> None:
    verify = "select check_name, subject, detail from syncwell.verify_install() where severity <> 'ok' order by 1, 2"
    with psycopg.connect(bare.uri()) as connection:
        connection.execute(ROLES.encode())
        before = connection.execute(verify).fetchall()
        connection.execute(ADAPTER.read_bytes())
        assert connection.execute(verify).fetchall() == before
