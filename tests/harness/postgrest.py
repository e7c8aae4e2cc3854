"""What PostgREST does with a request: a transaction as authenticator, with its role, its claims and its statements.

The statements are those that PostgREST 12 sends; tokens are taken as checked. Served over HTTP it is enough for a
client that calls functions by named arguments and reads tables, and no more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt
import psycopg
from psycopg import sql
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from harness.paths import SQL
from harness.serving import SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from harness.cluster import Database

ADAPTER = SQL / "optional" / "postgrest.sql"
ROLES = """
do $$ begin
  if to_regrole('authenticator') is null then
    create role anon nologin;
    create role authenticated nologin;
    create role service_role nologin bypassrls;
    create role authenticator login noinherit;
    grant anon, authenticated, service_role to authenticator;
  end if;
end $$
"""
Claims = dict[str, Any]

_FUNCTION = """
select
  p.prorettype = 'void'::regtype,
  p.proretset,
  coalesce(p.proargmodes::text[] && '{o,t,b}', false) or t.typtype = 'c',
  (
    select jsonb_object_agg(a.name, format_type(a.type, null))
    from unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) as a (name, type)
  ),
  p.pronargs - p.pronargdefaults
from pg_proc as p join pg_type as t on t.oid = p.prorettype
where p.pronamespace = 'syncwell'::regnamespace and p.proname = %s and p.prokind = 'f'
"""
# how PostgREST answers to SQLSTATEs; PT is its own
_STATUS = {
    "23503": 409, "23505": 409, "25006": 405, "42883": 404, "42P01": 404, "42P17": 500, "53400": 500, "57P01": 503,
    "P0001": 400, "08": 503, "09": 500, "0L": 403, "0P": 403, "25": 500, "28": 403, "2D": 500, "38": 500, "39": 500,
    "3B": 500, "40": 500, "53": 503, "54": 500, "55": 500, "57": 500, "58": 500, "F0": 500, "HV": 500, "P0": 500,
    "XX": 500,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A status and a body of JSON; None: none."""

    status: int
    body: Any


class PostgREST:
    """Requests to this database, of whoever the claims say."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def install(cls, database: Database) -> PostgREST:
        """The roles and the adapter, and requests to the database."""
        with psycopg.connect(database.uri()) as connection:
            connection.execute("select pg_advisory_xact_lock(7)")
            connection.execute(ROLES.encode())
            connection.execute(ADAPTER.read_bytes())
        return cls(database)

    def rpc(
        self,
        function: str,
        arguments: Mapping[str, object] | None = None,
        /,
        *,
        claims: Claims | None,
        get: bool = False,
    ) -> Answer:
        """POST or GET /rpc/function."""
        given = dict(arguments or {})
        with psycopg.connect(self.database.uri()) as connection:
            found = connection.execute(_FUNCTION, [function]).fetchone()
        if found is None or not given.keys() <= (found[3] or {}).keys() or len(given) < found[4]:
            return Answer(404, {"code": "PGRST202", "message": f"no function syncwell.{function}", "details": None})
        is_void, is_set, is_composite, types, _ = found
        name = sql.Identifier("syncwell", function)
        values = sql.SQL(", ").join(
            sql.SQL("{} := pgrst_body.{}").format(sql.Identifier(one), sql.Identifier(one)) for one in given
        )
        columns = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(one), sql.SQL(types[one])) for one in given)
        body = (
            sql.SQL("json_to_record(%(body)s::json) as pgrst_body ({}), lateral ").format(columns)
            if given
            else sql.SQL("")
        )
        source = sql.SQL("select pgrst_call{} from {}{}({}) as pgrst_call").format(
            sql.SQL(".*" if is_composite else " as pgrst_scalar"), body, name, values
        )
        one = sql.SQL("_postgrest_t" if is_composite else "_postgrest_t.pgrst_scalar")
        answer = sql.SQL("coalesce(json_agg({}), '[]')" if is_set else "json_agg({})->0").format(one)
        result = self._run(source, answer, {"body": json.dumps(given)}, f"/rpc/{function}", claims, get=get)
        return Answer(204, None) if is_void and result.status == 200 else result

    def select(
        self,
        table: str,
        columns: str = "*",
        /,
        *,
        claims: Claims | None,
        where: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET /table?select=columns&column=eq.value."""
        filters = [
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in (where or {}) if name
        ]
        named = sql.SQL(", ").join(map(sql.Identifier, re.findall(r"[^,\"]+", columns)))
        source = sql.SQL("select {} from {}{}").format(
            sql.SQL("*") if columns == "*" else named,
            sql.Identifier("syncwell", table),
            sql.SQL(" where ") + sql.SQL(" and ").join(filters) if filters else sql.SQL(""),
        )
        answer = sql.SQL("coalesce(json_agg(_postgrest_t), '[]')")
        return self._run(source, answer, dict(where or {}), f"/{table}", claims, get=True)

    def insert(self, table: str, row: Mapping[str, object], /, *, claims: Claims | None) -> Answer:
        """POST /table, with Prefer: return=minimal."""
        columns = sql.SQL(", ").join(map(sql.Identifier, row))
        name = sql.Identifier("syncwell", table)
        source = sql.SQL(
            "insert into {name} ({columns}) select {columns} from json_populate_record(null::{name}, %(body)s::json)"
            " returning 1"
        ).format(name=name, columns=columns)
        answer = sql.SQL("'null'::json")
        result = self._run(source, answer, {"body": json.dumps(row)}, f"/{table}", claims, get=False)
        return Answer(201, None) if result.status == 200 else result

    def _run(
        self,
        source: sql.Composed,
        answer: sql.Composable,
        parameters: Mapping[str, object],
        path: str,
        claims: Claims | None,
        *,
        get: bool,
    ) -> Answer:
        role = "anon" if claims is None else claims.get("role", "anon")
        settings = {
            "search_path": '"syncwell", "public"',
            "role": role,
            "request.jwt.claims": json.dumps({"role": role} | (claims or {})),
            "request.method": "GET" if get else "POST",
            "request.path": path,
            "request.headers": "{}",
            "request.cookies": "{}",
        }
        with psycopg.connect(self.database.uri("authenticator")) as connection:
            connection.read_only = get
            try:
                connection.execute(
                    sql.SQL("select {}").format(
                        sql.SQL(", ").join(
                            sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings.items()
                        )
                    )
                )
                row = connection.execute(
                    sql.SQL(
                        "with pgrst_source as ({}) select {} as body,"
                        " nullif(current_setting('response.status', true), '') as status"
                        " from (select * from pgrst_source) as _postgrest_t"
                    ).format(source, answer),
                    parameters,
                ).fetchone()
                connection.commit()
            except psycopg.Error as error:
                connection.rollback()
                return _refusal(error, role)
        assert row is not None
        return Answer(int(row[1] or 200), row[0])

    def app(self) -> Starlette:
        """The same over HTTP, for tokens of the tests' secret."""

        async def rpc(request: Request) -> Response:
            arguments = json.loads(await request.body() or b"{}")
            name = request.path_params["name"]
            return await self._answer(request, lambda claims: self.rpc(name, arguments, claims=claims))

        async def select(request: Request) -> Response:
            where = {name: value.removeprefix("eq.") for name, value in parse_qsl(request.url.query)}
            columns = where.pop("select", "*")
            name = request.path_params["name"]
            return await self._answer(request, lambda claims: self.select(name, columns, claims=claims, where=where))

        return Starlette(
            routes=[Route("/rpc/{name}", rpc, methods=["POST"]), Route("/{name}", select, methods=["GET"])]
        )

    async def _answer(self, request: Request, ask: Any) -> Response:
        profile = request.headers.get("accept-profile" if request.method == "GET" else "content-profile")
        if profile != "syncwell":
            return _json(Answer(406, {"code": "PGRST106", "message": "The schema must be one of: public, syncwell"}))
        given = re.fullmatch(r"Bearer (.+)", request.headers.get("authorization", ""))
        try:
            claims = jwt.decode(given[1], SECRET, ["HS256"]) if given else None
        except jwt.PyJWTError:
            return _json(Answer(401, {"code": "PGRST301", "message": "JWT invalid"}))
        return _json(await run_in_threadpool(ask, claims))


def _json(answer: Answer) -> Response:
    return Response(
        b"" if answer.body is None and answer.status in (201, 204) else json.dumps(answer.body).encode(),
        answer.status,
        media_type="application/json; charset=utf-8",
    )


def _refusal(error: psycopg.Error, role: str) -> Answer:
    code = error.sqlstate or ""
    status = _STATUS.get(code) or _STATUS.get(code[:2]) or 400
    if code == "42501":
        status = 401 if role == "anon" else 403
    diag = error.diag
    return Answer(
        status,
        {
            "code": code,
            "message": diag.message_primary,
            "details": diag.message_detail,
            "hint": diag.message_hint,
        },
    )
