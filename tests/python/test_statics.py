"""Rules that the schema keeps, read from its catalog; each has a statement that breaks it, to see that it bites."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from harness import matrix
from harness.paths import ROOT, SQL, TESTS
from syncwell.errors import error_classes

from .test_bad_input import CASES

DEFINERS = TESTS / "sql" / "definer_functions.toml"

# What a rule below leaves out, with the reason.
NOT_PINNED: dict[str, str] = {
    "run_maintenance": "a procedure that commits can have no SET; it names all in full",
}
WITHOUT_ORG = {
    "orgs": "is the org",
    "users_user_id_is_in_one_org": "a user is in one org; the identity lookup starts from the user id alone",
    "logins": "a login is found by its name, before its org is known",
    "error_codes": "the same for all orgs",
    "imports": "of the installation: operators import for all orgs",
    "installed_objects": "of the installation",
    "maintenance_duties": "of the installation",
    "maintenance_runs": "of the installation",
    "maintenance_tasks": "registry",
    "partitioned_tables": "registry",
    "consent_scopes": "registry",
    "personal_details": "registry",
    "erasures": "found by what they are of, a hash, also where the org is not known any more",
    "personal_data": "registry",
    "schema_migrations": "of the database",
    "setting_definitions": "registry",
    "synced_tables": "the application's tables are the same for all orgs",
    "synced_columns": "the application's tables are the same for all orgs",
    "unregistered_tables": "the application's tables are the same for all orgs",
    "record_changes": "a synced table knows whose a row is, not of which org: the scope is a user or an org, whose ids"
    " are unique",
    "sync_horizons": "as record_changes",
    "sync_incarnations": "of the cluster",
}

# Columns of ids named as if somebody had done it.
NO_PERSON = {
    "sync_queue_archive.superseded_by": "an operation",
    "sync_conflicts.scope": "of the user of the row, or of the org",
}

WITHOUT_KEY = {
    "sync_metrics_dirty": "only ever appended to and emptied: with a key its writers would wait for each other",
}

# Calls of internal functions whose errors nobody can bring about: (caller or *, called), with the reason.
CANNOT_FAIL = {
    ("*", "_setting"): "functions name settings by literals, which exist",
    ("_stream_status", "_cron_next"): "the cron and time zone of a stream were checked when it was registered",
    ("_next_sync", "_cron_next"): "the cron and time zone of a stream were checked when it was registered",
    ("*", "_generated_sql"): "it writes the text of functions and runs none of them",
    ("_sync_health_analysis", "_sync_health_history"): "asks for a number of days that is in range",
    ("_sync_health_analysis", "_uptime"): "asks for a number of days that is in range",
    ("_sync_health_analysis", "_detected_issues"): "gives no threshold",
    ("_import_sessions", "_session_of"): "makes what is not there, of a name that was checked",
    ("_store_batch", "_session_of"): "makes the session",
    ("_import_sessions", "_import_time"): "is caught: the row is rejected",
    ("_import_states", "_import_time"): "is caught: the row is rejected",
    ("_import_reports", "_refuse_metric"): "is caught: the row is rejected",
    ("_import_reports", "_checked_metrics"): "is caught: the row is rejected",
    ("set_setting", "_check_source"): "is not called where p_source is NULL; 22023 stands in the comment",
}

# Temporary pieces of the catalog that several rules ask for: functions with their whole text, tables and views.
CATALOG = """
create temporary view functions as
select
  p.*, p.oid::regprocedure::text as signature, l.lanname as language,
  regexp_replace(pg_get_functiondef(p.oid), '--[^\\n]*', '', 'g') as text,
  obj_description(p.oid, 'pg_proc') as comment
from pg_proc as p join pg_language as l on l.oid = p.prolang
where p.pronamespace = 'syncwell'::regnamespace and p.prokind in ('f', 'p', 'w');

create temporary view relations as
select c.*
from pg_class as c
where c.relnamespace = 'syncwell'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
"""

CLOCK = (
    r"'\y(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\('"
    r" || '|\y(current_timestamp|current_date|current_time|localtimestamp|localtime)\y'"
)


@dataclass(frozen=True)
class Rule:
    """`offenders` is a query for a text; `broken` are statements after which it must find something."""

    name: str
    offenders: str
    broken: str


RULES = [
    Rule(
        "no function is overloaded",
        "select proname from functions group by proname having count(*) > 1",
        "create function syncwell.current_org_id(p_x integer) returns integer language sql return 1",
    ),
    Rule(
        "everything belongs to syncwell_owner",
        """
        select signature from functions where proowner <> 'syncwell_owner'::regrole
        union all
        select relname from relations where relowner <> 'syncwell_owner'::regrole
        """,
        "create function syncwell.mine() returns integer language sql return 1",
    ),
    Rule(
        "plpgsql and definer functions pin search_path to pg_catalog, pg_temp",
        """
        select signature from functions
        where (language = 'plpgsql' or prosecdef)
          and not coalesce(proconfig @> array['search_path=pg_catalog, pg_temp'], false)
          and proname <> all (%(not_pinned)s)
        """,
        "create function syncwell.loose() returns integer language plpgsql as 'begin return 1; end'",
    ),
    Rule(
        "a pinned function pins to pg_catalog, pg_temp and nothing else",
        """
        select signature from functions, unnest(proconfig) as setting
        where setting like 'search_path=%%' and setting <> 'search_path=pg_catalog, pg_temp'
        """,
        "create function syncwell.loose() returns integer language sql set search_path = syncwell return 1",
    ),
    Rule(
        "PUBLIC may execute nothing",
        """
        select signature from functions, aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl
        where acl.grantee = 0
        """,
        "create function syncwell.open() returns integer language sql return 1",
    ),
    Rule(
        "PUBLIC may read and write nothing",
        "select relname from relations, aclexplode(relacl) as acl where acl.grantee = 0",
        "grant select on syncwell.orgs to public",
    ),
    Rule(
        "every function has a comment",
        "select signature from functions where comment is null",
        "create function syncwell.silent() returns integer language sql return 1",
    ),
    Rule(
        "every table and view has a comment",
        "select relname from relations where not relispartition and obj_description(oid, 'pg_class') is null",
        "create table syncwell.silent (org_id uuid)",
    ),
    Rule(
        "every column that analysts may select has a comment",
        """
        select format('%%s.%%s', c.relname, a.attname)
        from relations as c join pg_attribute as a on a.attrelid = c.oid
        where a.attnum > 0 and not a.attisdropped and not c.relispartition
          and has_column_privilege('syncwell_reader', c.oid, a.attnum, 'select')
          and col_description(c.oid, a.attnum) is null
        """,
        "create table syncwell.silent (org_id uuid); grant select on syncwell.silent to syncwell_reader",
    ),
    Rule(
        "every parameter is named p_…",
        """
        select format('%%s: parameter %%s', signature, coalesce(nullif(proargnames[n], ''), n::text))
        from functions, generate_series(1, coalesce(array_length(proallargtypes, 1), pronargs)) as n
        where coalesce(proargmodes[n], 'i') in ('i', 'b', 'v') and coalesce(proargnames[n], '') !~ '^p_[a-z]'
        """,
        "create function syncwell.odd(nameless integer) returns integer language sql return 1",
    ),
    Rule(
        "row-level security is on, and not forced, on every table and partition",
        """
        select relname from relations
        where relkind in ('r', 'p') and (not relrowsecurity or relforcerowsecurity)
        """,
        "alter table syncwell.orgs force row level security",
    ),
    Rule(
        "partitions are granted to nobody",
        """
        select relname from relations, aclexplode(relacl) as acl
        where relispartition and acl.grantee <> relowner
        """,
        """
        create table syncwell.parted (org_id uuid) partition by list (org_id);
        create table syncwell.part partition of syncwell.parted default;
        grant select on syncwell.part to syncwell_reader
        """,
    ),
    Rule(
        "views are security_invoker",
        """
        select relname from relations
        where relkind = 'v' and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false)
        """,
        "create view syncwell.open as select 1 as one",
    ),
    Rule(
        "there are no materialized views: they know no row-level security",
        "select relname from relations where relkind = 'm'",
        "create materialized view syncwell.stale as select 1 as one",
    ),
    Rule(
        "org_id is the first column of every unique index",
        """
        select i.indexrelid::regclass::text
        from relations as c
        join pg_index as i on i.indrelid = c.oid and i.indisunique and not c.relispartition
        join pg_class as x on x.oid = i.indexrelid
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where a.attname is distinct from 'org_id'
          and c.relname <> all (%(without_org)s) and x.relname <> all (%(without_org)s)
        """,
        "create table syncwell.odd (id uuid primary key, org_id uuid)",
    ),
    Rule(
        "every table has a primary key, or a unique key instead",
        """
        select relname from relations as c
        where relkind in ('r', 'p') and not exists (select from pg_index where indrelid = c.oid and indisunique)
          and relname <> all (%(without_key)s)
        """,
        "create table syncwell.odd (org_id uuid)",
    ),
    Rule(
        "time comes from _now() only",
        f"""
        select signature from functions where proname <> '_now' and text ~* ({CLOCK})
        union all
        select relname from relations where relkind = 'v' and pg_get_viewdef(oid) ~* ({CLOCK})
        union all
        select c.relname from relations as c join pg_attrdef as d on d.adrelid = c.oid
        where pg_get_expr(d.adbin, d.adrelid) ~* ({CLOCK})
        union all
        select c.relname from relations as c join pg_constraint as k on k.conrelid = c.oid
        where pg_get_constraintdef(k.oid) ~* ({CLOCK})
        """,
        "alter table syncwell.orgs alter column created_at set default now()",
    ),
    Rule(
        "policies call functions once a statement: (select syncwell.f())",
        r"""
        select format('%%s on %%s', policyname, tablename) from pg_policies
        where schemaname = 'syncwell'
          and regexp_replace(concat(qual, ' ', with_check), 'SELECT syncwell\.\w+\(', '', 'g') ~ 'syncwell\.\w+\('
        """,
        "create policy slow on syncwell.orgs for select using (org_id = syncwell.current_org_id())",
    ),
    Rule(
        "every table with a person in it is in personal_data",
        """
        select distinct format('%%s.%%s', c.relname, a.attname)
        from relations as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p') and not c.relispartition
          and (
            (
              a.atttypid = 'uuid'::regtype
              and a.attname ~ '(^|_)user_id$|_by$|^(scope|subject|actor)$'
              and format('%%s.%%s', c.relname, a.attname) <> all (%(no_person)s)
            )
            or exists (
              select from pg_constraint as k
              where k.conrelid = c.oid and k.confrelid = 'syncwell.users'::regclass
                and k.conkey[array_position(k.confkey, (
                  select u.attnum from pg_attribute as u where u.attrelid = k.confrelid and u.attname = 'user_id'
                ))] = a.attnum
            )
          )
          and not exists (
            select from syncwell.personal_data as d where d.table_name = c.relname and d.user_column = a.attname
          )
        """,
        "create table syncwell.persons (org_id uuid, opened_by uuid)",
    ),
    Rule(
        "personal_data names columns that exist",
        """
        select format('%%s.%%s', d.table_name, d.user_column) from syncwell.personal_data as d
        where not exists (
          select from relations as c join pg_attribute as a on a.attrelid = c.oid
          where c.relname = d.table_name and a.attname = d.user_column
        )
        """,
        """
        insert into syncwell.personal_data (table_name, user_column, on_erase, description)
        values ('nowhere', 'user_id', 'delete', 'x')
        """,
    ),
    Rule(
        "every maintenance task has its routine, which returns a bigint",
        """
        select m.task from syncwell.maintenance_tasks as m
        where not exists (
          select from functions as f
          where
            f.proname = m.routine
            and f.pronargs = m.each_table::integer
            and f.prorettype = 'bigint'::regtype
        )
        """,
        """
        insert into syncwell.maintenance_tasks (task, domain, routine, description)
        values ('nothing', 'core', '_missing_task', 'x')
        """,
    ),
    Rule(
        "every routine named …_task is a maintenance task",
        """
        select signature from functions as f
        where proname like '\\_%%\\_task' and proname not in (select m.routine from syncwell.maintenance_tasks as m)
        """,
        "create function syncwell._forgotten_task() returns bigint language sql return 1",
    ),
    Rule(
        "every partitioned table is registered, and nothing else is",
        """
        select coalesce(c.relname, t.table_name)
        from (select relname from relations where relkind = 'p' and not relispartition) as c
        full join syncwell.partitioned_tables as t on t.table_name = c.relname
        where c.relname is null or t.table_name is null
        """,
        "create table syncwell.parted (org_id uuid) partition by list (org_id)",
    ),
    Rule(
        "every SQLSTATE of class SW that a function raises is in error_codes",
        """
        select format('%%s: %%s', signature, found[1])
        from functions, regexp_matches(text, '''(SW[0-9]{3})''', 'g') as found
        where found[1] not in (select e.sqlstate from syncwell.error_codes as e)
        """,
        """
        create function syncwell.wrong() returns void language plpgsql as
        $$ begin raise exception using errcode = 'SW999'; end $$
        """,
    ),
    Rule(
        "every error code but the migrations' is raised by a function",
        """
        select e.sqlstate from syncwell.error_codes as e
        where e.sqlstate not like 'SW9%%' and not exists (select from functions where strpos(text, e.sqlstate) > 0)
        """,
        """
        insert into syncwell.error_codes (sqlstate, name, http_status, description)
        values ('SW899', 'never', 400, 'x')
        """,
    ),
    Rule(
        "every error that a function raises has message, detail and hint",
        r"""
        select format('%%s: %%s', signature, regexp_replace(found[1], '\s+', ' ', 'g'))
        from functions, regexp_matches(text, '(raise\s+exception\y(?:[^;'']|''[^'']*'')*);', 'g') as found
        where found[1] !~ '\yerrcode\s*=' or found[1] !~ '\ymessage\s*=' or found[1] !~ '\ydetail\s*='
          or found[1] !~ '\yhint\s*='
        """,
        """
        create function syncwell.terse() returns void language plpgsql as
        $$ begin raise exception using errcode = 'SW001', message = 'no'; end $$
        """,
    ),
]


@pytest.fixture
def catalog(db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    db.execute(CATALOG)
    return db


def offenders(catalog: psycopg.Connection[Any], rule: Rule) -> list[str]:
    parameters = {
        "not_pinned": list(NOT_PINNED),
        "without_org": list(WITHOUT_ORG),
        "without_key": list(WITHOUT_KEY),
        "no_person": list(NO_PERSON),
    }
    cursor = catalog.execute(rule.offenders, parameters)
    return sorted(row[0] for row in cursor)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule(catalog: psycopg.Connection[Any], rule: Rule) -> None:
    found = offenders(catalog, rule)
    assert not found, "\n".join([rule.name, *found])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_bites(catalog: psycopg.Connection[Any], rule: Rule) -> None:
    before = offenders(catalog, rule)
    catalog.execute(rule.broken)
    assert offenders(catalog, rule) != before


GENERATED = [
    Rule(
        "everything that is generated belongs to syncwell_owner",
        """
        select p.proname from pg_proc as p
        where p.pronamespace = 'syncwell_tables'::regnamespace and p.proowner <> 'syncwell_owner'::regrole
        union all
        select c.relname from pg_class as c
        where c.relnamespace = 'syncwell_tables'::regnamespace and c.relowner <> 'syncwell_owner'::regrole
        """,
        "create function syncwell_tables.mine() returns integer language sql return 1",
    ),
    Rule(
        "nothing but security_invoker views and functions is generated",
        """
        select c.relname from pg_class as c
        where c.relnamespace = 'syncwell_tables'::regnamespace
          and (c.relkind <> 'v' or not coalesce(c.reloptions @> array['security_invoker=true'], false))
        """,
        "create view syncwell_tables.open as select 1 as one",
    ),
    Rule(
        "of what is generated only trigger functions are definer, for operators, who make the triggers",
        """
        select p.proname from pg_proc as p
        where p.pronamespace = 'syncwell_tables'::regnamespace and p.prosecdef <> (p.prorettype = 'trigger'::regtype)
        union all
        select p.proname from pg_proc as p, aclexplode(p.proacl) as acl
        where p.pronamespace = 'syncwell_tables'::regnamespace and p.prorettype = 'trigger'::regtype
          and acl.grantee <> all (array[p.proowner, 'syncwell_operator'::regrole])
        """,
        "alter function syncwell_tables.todos_pull security definer",
    ),
    Rule(
        "generated functions pin search_path, unless the application's triggers run in them",
        """
        select p.proname from pg_proc as p join pg_language as l on l.oid = p.prolang
        where p.pronamespace = 'syncwell_tables'::regnamespace and (l.lanname = 'plpgsql' or p.prosecdef)
          and p.proname !~ '_push_(insert|update|delete|lock|read)$'
          and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
        """,
        "alter function syncwell_tables.todos_inserted reset search_path",
    ),
    Rule(
        "PUBLIC may use nothing that is generated, and others what they need",
        """
        select p.proname from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
        where p.pronamespace = 'syncwell_tables'::regnamespace and p.prorettype <> 'trigger'::regtype
          and acl.grantee <> all (array[p.proowner, 'syncwell_client'::regrole, 'syncwell_worker'::regrole])
        union all
        select c.relname from pg_class as c, aclexplode(c.relacl) as acl
        where c.relnamespace = 'syncwell_tables'::regnamespace
          and (
            acl.grantee <> all (
              array[
                c.relowner, 'syncwell_client'::regrole, 'syncwell_reader'::regrole, 'syncwell_worker'::regrole,
                'syncwell_operator'::regrole
              ]
            )
            or (acl.grantee <> c.relowner and acl.privilege_type <> 'SELECT')
          )
        """,
        "grant select on syncwell_tables.todos to public",
    ),
]


@pytest.fixture
def generated(catalog: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """With tables of all kinds registered."""
    catalog.execute((TESTS / "sql" / "synced_tables.sql").read_bytes())
    return catalog


@pytest.mark.parametrize("rule", GENERATED, ids=lambda rule: rule.name)
def test_rule_of_what_is_generated(generated: psycopg.Connection[Any], rule: Rule) -> None:
    found = offenders(generated, rule)
    assert not found, "\n".join([rule.name, *found])
    generated.execute(rule.broken)
    assert offenders(generated, rule)


def unqualified(catalog: psycopg.Connection[Any]) -> list[str]:
    """SQL functions without a pin that name something by the search_path: bodies are checked when they are made."""
    query = """
      select signature, pg_get_functiondef(oid) from functions
      where language = 'sql' and proconfig is null and prosqlbody is null
    """
    found = []
    for signature, definition in catalog.execute(query).fetchall():
        try:
            with catalog.transaction(force_rollback=True):
                catalog.execute("set local search_path = ''")
                catalog.execute(definition.encode())
        except psycopg.Error as error:
            found.append(f"{signature}: {error.diag.message_primary}")
    return found


def test_sql_functions_without_a_pin_qualify_every_name(catalog: psycopg.Connection[Any]) -> None:
    assert unqualified(catalog) == []
    catalog.execute(
        "set local search_path = syncwell;"
        "create function syncwell.loose() returns bigint language sql stable as 'select count(*) from streams'"
    )
    assert len(unqualified(catalog)) == 1


def test_every_function_file_states_volatility_and_security() -> None:
    """The catalog cannot tell a default from a decision."""
    silent = []
    for path in sorted(SQL.glob("*/functions/*.sql")):
        head = re.split(r"\$\w*\$|\bbegin atomic\b|\nreturn\b", path.read_text(), maxsplit=1)[0]
        is_procedure = re.search(r"create (or replace )?procedure", head) is not None
        if not re.search(r"\bsecurity (definer|invoker)\b", head) or not (
            is_procedure or re.search(r"\b(volatile|stable|immutable)\b", head)
        ):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_every_definer_function_has_its_reason(catalog: psycopg.Connection[Any]) -> None:
    reasons = tomllib.loads(DEFINERS.read_text())
    definers = {row[0] for row in catalog.execute("select proname from functions where prosecdef")}
    assert not definers - reasons.keys(), f"no reason in {DEFINERS.name}: {sorted(definers - reasons.keys())}"
    assert not reasons.keys() - definers, f"stale in {DEFINERS.name}: {sorted(reasons.keys() - definers)}"
    assert all(isinstance(reason, str) and len(reason) > 10 for reason in reasons.values())


def test_comments_of_public_functions_name_the_errors(catalog: psycopg.Connection[Any]) -> None:
    """The SQLSTATEs that the function raises itself or through the internal functions it calls."""
    rows = catalog.execute("select proname, text, coalesce(comment, '') from functions").fetchall()
    body = {name: text for name, text, _ in rows}
    calls = {name: set(re.findall(r"\bsyncwell\.(_\w+)\s*\(", text)) & body.keys() for name, text in body.items()}
    raised = {name: set(re.findall(r"errcode\s*=\s*'(\w{5})'", text)) for name, text in body.items()}
    for name, called in calls.items():
        called -= {one for one in called if {(name, one), ("*", one)} & CANNOT_FAIL.keys()}

    def reachable(name: str) -> set[str]:
        seen, todo = {name}, [name]
        while todo:
            for called in calls[todo.pop()] - seen:
                seen.add(called)
                todo.append(called)
        return set().union(*(raised[one] for one in seen))

    unnamed = {
        name: sorted(missing)
        for name, _, comment in rows
        if not name.startswith("_") and (missing := {code for code in reachable(name) if code not in comment})
    }
    assert not unnamed, "\n".join(f"{name}: {', '.join(codes)}" for name, codes in sorted(unnamed.items()))


# Where a SQLSTATE or its class stands, it is what a statement is refused with; elsewhere it may be a mere mention.
REFUSALS = (
    r"\bthrows_ok\((?:(?!\bthrows_ok\b)[^;])*?'(SW\d{3})'",
    r"\bsqlstate == \"(SW\d{3})\"",
    r"\bpytest\.raises\((\w+Error)\b",
)


def refused_with(text: str) -> set[str]:
    """The SQLSTATEs that the assertions of a test expect."""
    code_of = {error.__name__: code for code, error in error_classes().items()}
    found = {one for pattern in REFUSALS for one in re.findall(pattern, text)}
    return {code_of.get(one, one) for one in found}


def unreached(catalog: psycopg.Connection[Any]) -> set[str]:
    files = [path for path in TESTS.rglob("*") if path.suffix in (".py", ".sql") and path.name != "test_statics.py"]
    reached = {case.sqlstate for case in CASES}.union(*(refused_with(path.read_text()) for path in files))
    return {row[0] for row in catalog.execute("select sqlstate from syncwell.error_codes")} - reached


def test_every_error_code_is_reached_by_a_test(catalog: psycopg.Connection[Any]) -> None:
    assert unreached(catalog) == set()
    catalog.execute(
        "insert into syncwell.error_codes (sqlstate, name, http_status, description)"
        " values ('SW899', 'never', 400, 'x')"
    )
    assert unreached(catalog) == {"SW899"}


def test_a_mention_reaches_no_error_code() -> None:
    assert refused_with("-- raises SW101\nselect throws_ok('select 1', '22023', null, 'x'); select 'SW101'") == set()
    assert refused_with('raise LeaseLostError("SW102")  # sqlstate == SW102') == set()
    assert refused_with("throws_ok(\n  $$select 1$$,\n  'SW101', 'unknown run')") == {"SW101"}
    assert refused_with('assert caught.value.diag.sqlstate == "SW103"') == {"SW103"}
    assert refused_with("with pytest.raises(LeaseLostError, match='x'):") == {"SW102"}


def test_grants_are_as_listed(catalog: psycopg.Connection[Any]) -> None:
    """Who may execute, read and write what: a change is seen in the list, which `make build` writes."""
    assert matrix.listing(catalog).splitlines() == matrix.FILE.read_text().splitlines()
