"""The client and the catalog say the same: functions, arguments, defaults, columns, types, lists of values, errors."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from syncwell import activity, alerts, core, delta, errors, health, ingest, metrics, ops, preview, progress, queue, runs
from syncwell.sync.activity import Activity
from syncwell.sync.alerts import Alerts
from syncwell.sync.core import Core
from syncwell.sync.delta import Delta
from syncwell.sync.health import Health
from syncwell.sync.ingest import Ingest
from syncwell.sync.metrics import Metrics
from syncwell.sync.ops import Ops
from syncwell.sync.preview import Preview
from syncwell.sync.progress import Progress
from syncwell.sync.queue import Queue
from syncwell.sync.runs import Runs

PARTS = {
    "core": Core,
    "runs": Runs,
    "activity": Activity,
    "progress": Progress,
    "queue": Queue,
    "ingest": Ingest,
    "delta": Delta,
    "preview": Preview,
    "metrics": Metrics,
    "health": Health,
    "alerts": Alerts,
    "ops": Ops,
}
RESULTS = [core, runs, activity, progress, queue, ingest, delta, preview, metrics, health, alerts, ops]

# functions somebody may call that have no method of their own
NO_METHOD = {
    "act_as": "as_user",
    "act_as_org": "as_org",
    "time_health": "`syncwell migrate`, before and after",
    "current_org_id": "for policies; who_am_i answers it",
    "current_user_id": "for policies; who_am_i answers it",
    "export_query": "`syncwell export`, which runs the query",
    "open_pull_stream": "delta.pull_stream",
    "close_pull_stream": "delta.pull_stream",
}
# methods that call no function
NO_FUNCTION = {
    "queue.enqueue_many": "enqueue_text, JSON",
    "queue.worker": "claim, extend, complete, fail and release together",
    "runs.track": "start, heartbeat, complete, error and cancel together",
    "progress.live": "a view",
    "health.streams": "a view",
    "core.org": "a table",
    "core.users": "a table",
    "ingest.batch": "batch_text, read",
    "ingest.sync_session": "sync_session_text, read",
    "ingest.complete_session": "complete_session_text, read",
    "ops.sync_loop": "request_sync and finish_sync together",
    "delta.pull_stream": "open_pull_stream, COPY and close_pull_stream together",
    "delta.pull": "pull_text, read",
    "delta.push": "push_text, read",
    "delta.preview_push": "preview_push_text, read",
    "preview.shared": "claim, store and release together",
}
# arguments that may be left out where the function must be given null
MAY_BE_LEFT_OUT = {"health.report_metrics": {"user_id"}}

# what a type of the database is in Python
PYTHON = {
    "uuid": UUID,
    "text": str,
    "name": str,
    "bigint": int,
    "integer": int,
    "numeric": float,
    "double precision": float,
    "boolean": bool,
    "timestamp with time zone": datetime,
    "interval": timedelta,
    "jsonb": Any,
    "json": str,
    "text[]": Any,
    "uuid[]": Any,
    "smallint": int,
    "regclass": str,
}

# lists of values: where the database has them, and where Python has them
VALUES = {
    "users_role_is_known": core.UserRole,
    "logins_kind_is_known": core.LoginKind,
    "streams_platform_is_known": core.Platform,
    "sync_events_type_is_known": runs.SyncType,
    "sync_events_status_is_known": runs.RunStatus,
    "sync_errors_class_is_known": runs.ErrorClass,
    "sync_errors_lane_is_known": runs.Lane,
    "sync_status_is_known": progress.ProgressStatus,
    "sync_conflicts_action_is_known": delta.Action,
    "sync_conflicts_outcome_is_known": delta.Outcome,
    "sync_conflicts_choice_is_known": delta.Choice,
    "sync_quarantine_action_is_known": delta.Action,
    "session_records_kind_is_known": ingest.RecordKind,
    "session_records_origin_is_known": ingest.DataSource,
    "data_events_origin_is_known": ingest.DataSource,
    "sync_sessions_origin_is_known": ingest.DataSource,
    "sync_sessions_status_is_known": ingest.SessionStatus,
    "sync_sessions_sync_status_is_known": ingest.SessionSyncStatus,
    "stream_states_status_is_known": health.HealthStatus,
    "stream_states_drift_severity_is_known": health.DriftSeverity,
    "sync_issues_severity_is_known": health.Severity,
    "sync_issues_state_is_known": health.IssueState,
    "sync_issues_muting_is_known": health.MutedBy,
    "maintenance_windows_mode_is_known": health.WindowMode,
    "maintenance_windows_platform_is_known": core.Platform,
    "sync_health_platform_is_known": core.Platform,
    "sync_paces_reason_is_known": ops.SyncReason,
    "alert_outbox_status_is_known": health.AlertStatus,
    "alert_outbox_severity_is_known": health.Severity,
    "alert_channels_dead_reason_is_known": alerts.ChannelDeath,
    "alert_deliveries_state_is_known": alerts.DeliveryState,
    "alert_deliveries_reason_is_known": alerts.DeliveryReason,
}

FUNCTIONS = """
select
  p.proname,
  p.proretset,
  p.proacl,
  format_type(p.prorettype, null) as returns,
  coalesce(p.proargnames, '{}') as names,
  coalesce(p.proargmodes::text[], array_fill('i'::text, array[p.pronargs])) as modes,
  array(
    select format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as a (type, place)
    join pg_type as t on t.oid = a.type
    order by a.place
  ) as types,
  array(select pg_get_function_arg_default(p.oid, n) from generate_series(1, p.pronargs) as n) as defaults,
  exists (
    select from aclexplode(p.proacl) as a where a.privilege_type = 'EXECUTE' and a.grantee <> p.proowner
  ) as granted
from pg_proc as p
where p.pronamespace = 'syncwell'::regnamespace and p.proname !~ '^_' and p.prorettype <> 'trigger'::regtype
"""


@dataclasses.dataclass
class Function:
    returns: str
    granted: bool
    inputs: dict[str, str]
    outputs: dict[str, str]
    defaults: dict[str, str]


@pytest.fixture
def functions(db: psycopg.Connection[Any]) -> dict[str, Function]:
    found = {}
    for name, _, _, returns, names, modes, kinds, defaults, granted in db.execute(FUNCTIONS):
        arguments = list(zip(names, modes, kinds, strict=True))
        inputs = {name: kind for name, mode, kind in arguments if mode == "i"}
        found[name] = Function(
            returns=returns,
            granted=granted,
            inputs=inputs,
            outputs={name: kind for name, mode, kind in arguments if mode in "ot"},
            defaults={name: text for name, text in zip(inputs, defaults, strict=True) if text is not None},
        )
    return found


@dataclasses.dataclass
class Call:
    """What a method asks its caller to do."""

    how: str
    kind: Any
    statement: str
    parameters: Mapping[str, object]

    @property
    def function(self) -> str:
        found = re.search(r"syncwell\.(\w+)\s*\(", self.statement)
        assert found is not None, self.statement
        return found[1]

    @property
    def arguments(self) -> dict[str, tuple[str, str]]:
        """Parameter of the function: name of the value, type it is cast to."""
        return {
            name: (value, cast)
            for name, value, cast in re.findall(r"(\w+) => %\((\w+)\)s::([\w \[\]]+?)(?=,|\s*\))", self.statement)
        }

    @property
    def columns(self) -> list[tuple[str, str | None, str]]:
        """Column, type it is cast to, name in the result."""
        selected = re.match(r"\s*select\s+(.*?)\s+from syncwell\.", self.statement, re.S)
        assert selected is not None, self.statement
        columns = []
        for item in selected[1].split(","):
            found = re.fullmatch(r"\s*(\w+)(?:::(\w+))?(?:\s+as\s+(\w+))?\s*", item)
            assert found is not None, item
            columns.append((found[1], found[2], found[3] or found[1]))
        return columns


class Recorder:
    """Takes the caller's place and answers nothing."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def rows(self, kind: Any, statement: str, parameters: Mapping[str, object]) -> None:
        self.calls.append(Call("rows", kind, statement, parameters))

    def row(self, kind: Any, statement: str, parameters: Mapping[str, object]) -> None:
        self.calls.append(Call("row", kind, statement, parameters))

    def value(self, kind: Any, statement: str, parameters: Mapping[str, object]) -> None:
        self.calls.append(Call("value", kind, statement, parameters))

    def value_or_none(self, kind: Any, statement: str, parameters: Mapping[str, object]) -> None:
        self.calls.append(Call("value_or_none", kind, statement, parameters))

    def procedure(self, statement: str, parameters: Mapping[str, object]) -> None:
        self.calls.append(Call("procedure", None, statement, parameters))

    def command(self, statement: str, parameters: Mapping[str, object]) -> None:
        self.calls.append(Call("command", None, statement, parameters))


def methods() -> dict[str, Any]:
    """Name: plain function of the class."""
    return {
        f"{part}.{name}": method
        for part, kind in PARTS.items()
        for name, method in vars(kind).items()
        if not name.startswith("_") and f"{part}.{name}" not in NO_FUNCTION
    }


def call_of(name: str) -> Call:
    """What the method sends, when every argument is given."""
    recorder = Recorder()
    part, method = name.split(".")
    bound = getattr(PARTS[part](recorder), method)  # type: ignore[arg-type]
    bound(**given(bound))
    (call,) = recorder.calls
    return call


def given(method: Any) -> dict[str, Any]:
    """A value for every argument, told apart by its name."""
    return {
        name: {"some": "value"} if mapping(kind) else [name] if get_origin(kind) is Sequence else name
        for name, kind in arguments(method).items()
    }


def arguments(method: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(method)
    return {name: without_none(hints[name]) for name in inspect.signature(method).parameters if name != "self"}


def without_none(hint: Any) -> Any:
    if get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = [part for part in get_args(hint) if part is not type(None)]
    return hint


def mapping(hint: Any) -> bool:
    return get_origin(hint) is Mapping or typing.is_typeddict(hint)


def plain(hint: Any) -> Any:
    """The type without None, Literal as what its values are, JSON as Any."""
    hint = without_none(hint)
    if get_origin(hint) is Literal:
        return str
    if mapping(hint) or get_origin(hint) in (dict, list, Sequence):
        return Any
    return hint


METHODS = methods()


@pytest.mark.parametrize("name", METHODS)
def test_arguments_are_those_of_the_function(name: str, functions: dict[str, Function]) -> None:
    call = call_of(name)
    function = functions[call.function]
    assert {argument: cast for argument, (_, cast) in call.arguments.items()} == {
        argument: {"timestamp with time zone": "timestamptz"}.get(kind, kind)
        for argument, kind in function.inputs.items()
    }
    for argument, (value, _) in call.arguments.items():
        assert argument.removeprefix("p_").endswith(value.removesuffix("_")), f"{argument} is called {value}"
    # each value is sent once, as what was given
    wanted = given(METHODS[name])
    assert call.parameters.keys() == wanted.keys() == {value for value, _ in call.arguments.values()}
    for value, sent in call.parameters.items():
        assert (sent.obj if isinstance(sent, Jsonb) else sent) == wanted[value]


@pytest.mark.parametrize("name", METHODS)
def test_arguments_have_the_types_and_defaults_of_the_function(
    name: str, functions: dict[str, Function], db: psycopg.Connection[Any]
) -> None:
    call = call_of(name)
    function = functions[call.function]
    hints = arguments(METHODS[name])
    signature = inspect.signature(METHODS[name]).parameters
    for argument, (value, _) in call.arguments.items():
        assert plain(hints[value]) == PYTHON[function.inputs[argument]], value
        default = signature[value].default
        if argument in function.defaults:
            row = db.execute("select " + function.defaults[argument]).fetchone()  # type: ignore[arg-type]
            assert row == (list(default) if isinstance(default, tuple) else default,), value
        elif value in MAY_BE_LEFT_OUT.get(name, ()):
            assert default is None
        else:
            assert default is inspect.Parameter.empty, value


@pytest.mark.parametrize("name", METHODS)
def test_results_are_those_of_the_function(name: str, functions: dict[str, Function]) -> None:
    call = call_of(name)
    function = functions[call.function]
    if call.how == "procedure":
        assert not function.outputs
    elif call.how == "command":
        assert function.returns == "void"
    elif call.how in ("value", "value_or_none"):
        assert not function.outputs
        as_text = call.statement.rstrip().endswith(")::text")
        document = function.returns in ("json", "jsonb")
        returns = (str if as_text else Any) if document else PYTHON[function.returns]
        assert call.kind == {Any: dict}.get(returns, returns)
    else:
        compare(call, function.outputs, complete=True)


@pytest.mark.parametrize(
    ("part", "name", "other"),
    [
        (Delta, "pull", set()),
        (Delta, "push", {"changes"}),
        (Delta, "preview_push", {"changes"}),
        (Ingest, "batch", {"rows"}),
        (Ingest, "sync_session", {"document"}),
        (Ingest, "complete_session", set()),
    ],
)
def test_what_is_read_takes_the_arguments_of_what_is_not(part: type, name: str, other: set[str]) -> None:
    read, unread = (inspect.signature(getattr(part, one)).parameters for one in (name, f"{name}_text"))
    assert list(read) == list(unread)
    assert {one for one in read if read[one] != unread[one]} == other


def test_a_streamed_pull_has_the_arguments_of_the_function(functions: dict[str, Function]) -> None:
    taken: list[Any] = []
    caller: Any = types.SimpleNamespace(own_transaction=taken.append)
    stream = Delta(caller).pull_stream(
        **{name: value for name, value in given(Delta.pull_text).items() if name != "limit"}
    )
    assert taken == ["repeatable read"]
    call = Call("rows", None, stream._statement, stream._parameters)
    assert call.function == "open_pull_stream"
    function = functions["open_pull_stream"]
    assert {argument: cast for argument, (_, cast) in call.arguments.items()} == function.inputs
    assert [column for column, *_ in call.columns] == ["kind", "body"]
    assert function.outputs == {"position": "integer", "kind": "text", "body": "text"}
    assert functions["close_pull_stream"].inputs == {"p_cursor": "bigint", "p_records": "bigint", "p_bytes": "bigint"}
    assert inspect.signature(Delta.pull_stream).parameters.keys() - {"timeout", "stall"} == call.parameters.keys() | {
        "self"
    }


@pytest.mark.parametrize(
    ("relation", "read"),
    [
        ("sync_progress_live", lambda caller: Progress(caller).live()),
        ("stream_health", lambda caller: Health(caller).streams()),
        ("orgs", lambda caller: Core(caller).org()),
        ("users", lambda caller: Core(caller).users()),
    ],
)
def test_relations_have_the_columns_that_are_read(relation: str, read: Any, db: psycopg.Connection[Any]) -> None:
    recorder = Recorder()
    read(recorder)
    columns = db.execute(
        """
        select a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)
        from pg_attribute as a join pg_type as t on t.oid = a.atttypid
        where a.attrelid = format('syncwell.%%I', %s::text)::regclass and a.attnum > 0
        """,
        [relation],
    )
    compare(recorder.calls[0], dict(columns.fetchall()), complete=False)


def compare(call: Call, outputs: dict[str, str], *, complete: bool) -> None:
    """The columns are the function's, in its order, and fit the fields of the dataclass."""
    selected = [column for column, _, _ in call.columns]
    assert selected == list(outputs) if complete else set(selected) <= set(outputs)
    assert [name for *_, name in call.columns] == [field.name for field in dataclasses.fields(call.kind)]
    hints = typing.get_type_hints(call.kind)
    for column, cast, name in call.columns:
        assert plain(hints[name]) == PYTHON[cast or outputs[column]], f"{call.kind.__name__}.{name}"


def test_every_function_that_is_granted_has_a_method(functions: dict[str, Function]) -> None:
    called = [call_of(name).function for name in METHODS]
    assert sorted(called) == sorted(set(called)), "two methods call the same function"
    missing = {name for name, function in functions.items() if function.granted} - set(called)
    assert missing == NO_METHOD.keys()


@pytest.mark.parametrize("constraint", VALUES)
def test_lists_of_values_are_those_of_the_database(constraint: str, db: psycopg.Connection[Any]) -> None:
    row = db.execute(
        "select distinct pg_get_constraintdef(oid) from pg_constraint where conname = %s and conparentid = 0",
        [constraint],
    ).fetchone()
    assert row is not None
    assert set(re.findall(r"'([^']*)'", row[0])) == set(get_args(VALUES[constraint]))


def test_results_are_frozen_slotted_and_exported() -> None:
    for module in RESULTS:
        kinds = {
            name: kind for name, kind in vars(module).items() if getattr(kind, "__module__", "") == module.__name__
        }
        assert set(module.__all__) >= kinds.keys()
        for kind in kinds.values():
            if dataclasses.is_dataclass(kind):
                assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
                assert "__slots__" in vars(kind)
                documented = re.findall(r"^ {8}(\w+):", kind.__doc__ or "", re.M)
                assert documented == [field.name for field in dataclasses.fields(kind)], kind


def test_errors_are_those_of_the_database(db: psycopg.Connection[Any]) -> None:
    known = {
        sqlstate: (name, status)
        for sqlstate, name, status in db.execute("select sqlstate, name, http_status from syncwell.error_codes")
    }
    assert known == {sqlstate: (kind.name, kind.http_status) for sqlstate, kind in errors.error_classes().items()}
    for sqlstate, kind in errors.error_classes().items():
        assert (kind.__doc__ or "").startswith(f"{sqlstate}: ")
        words = "".join(word.capitalize() for word in kind.name.removesuffix("_error").split("_"))
        assert kind.__name__ == f"{words}Error"
        assert kind.__name__ in errors.__all__
        assert isinstance(errors.error_for(sqlstate, "message"), kind)
        assert issubclass(kind, errors.MigrationError) == sqlstate.startswith("SW9")


def test_an_error_of_a_newer_schema_is_one_all_the_same(db: psycopg.Connection[Any]) -> None:
    raising = "do $$ begin raise 'from afar' using errcode = '{}', detail = 'what', hint = 'do'; end $$"
    told = {}
    for sqlstate in ("SW599", "SW999", "P0001"):
        with pytest.raises(psycopg.Error) as caught, db.transaction():
            db.execute(raising.format(sqlstate).encode())
        told[sqlstate] = errors.from_psycopg(caught.value)
    assert type(told["SW599"]) is errors.SyncwellError
    assert type(told["SW999"]) is errors.MigrationError
    assert told["P0001"] is None
    assert errors.from_psycopg(psycopg.OperationalError("gone")) is None
    assert str(told["SW599"]) == "from afar\nDETAIL:  what\nHINT:  do"
    assert str(errors.error_for("SW599", "alone")) == "alone"
