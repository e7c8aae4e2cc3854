"""What `sw.core` returns: identity, settings and partitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

__all__ = [
    "Access",
    "AccessEntry",
    "AccessRole",
    "FeatureFlag",
    "Identity",
    "LoginKind",
    "MadePartition",
    "Org",
    "Partition",
    "PartitionHealth",
    "Platform",
    "RevokedConsent",
    "Role",
    "Setting",
    "SettingLevel",
    "UnreadableJson",
    "User",
    "UserRole",
    "VisibleTopic",
]

LoginKind = Literal["user", "service", "gateway", "jwt"]
UserRole = Literal["member", "analyst", "admin"]
Role = Literal["member", "analyst", "admin", "service"]
AccessRole = Literal["member", "analyst", "admin", "service", "operator"]
SettingLevel = Literal["source", "platform", "org", "everywhere", "default"]
Platform = Literal["android", "ios", "web", "server", "other"]


class UnreadableJson(str):
    """The text of a JSON value that Python can't read: a number of thousands of digits, or nested too deep."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the caller is (`syncwell.who_am_i`).

    Attributes:
        login_role: the database login.
        kind: what the login is bound as; None: not bound.
        org_id: the caller's org; None: the caller is nobody.
        user_id: the acting user; None for a service, and for nobody.
        role: what the caller may; None: the caller is nobody.
        rule: which rule decided, in words.
    """

    login_role: str
    kind: LoginKind | None
    org_id: UUID | None
    user_id: UUID | None
    role: Role | None
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleTopic:
    """What the caller may be told of as it happens (`syncwell.visible_topics`).

    Attributes:
        topic: progress, health, health_common, sessions or changes, a colon, and the id of the org or user.
    """

    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """The caller's org (table `syncwell.orgs`).

    Attributes:
        org_id: the org.
        name: what people call it.
        time_zone: IANA name of the zone that its days are counted in.
        created_at: since when it is known.
    """

    org_id: UUID
    name: str
    time_zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody of the caller's org (table `syncwell.users`).

    Attributes:
        user_id: the user.
        role: what the user may.
        display_name: what people call the user; None: not known.
        created_at: since when the user is known.
    """

    user_id: UUID
    role: UserRole
    display_name: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether the caller sees a row (`syncwell.explain_access`).

    Attributes:
        visible: the answer; a row of somebody else and a row that is not there look the same.
        policy: name of the policy that lets the caller see it; None: none does, or none is needed.
        reason: the policy's condition, or why the row is not visible, in words.
    """

    visible: bool
    policy: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting as it holds for the caller (`syncwell.settings_effective`).

    Attributes:
        key: name of the setting.
        value: the effective value, as text.
        level: where the value comes from, the most specific first; everywhere: set for all orgs.
        default_value: the value where nobody set another.
        unit: unit of a plain number; None: none.
        description: what the setting decides.
    """

    key: str
    value: str
    level: SettingLevel
    default_value: str
    unit: str | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePartition:
    """A partition that was made (`syncwell.ensure_partitions`).

    Attributes:
        table_name: the partitioned table.
        partition_name: the new partition.
        moved_rows: how many rows moved to it from the default partition.
    """

    table_name: str
    partition_name: str
    moved_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition that was dropped (`syncwell.drop_old_partitions`).

    Attributes:
        table_name: the partitioned table.
        partition_name: the partition.
    """

    table_name: str
    partition_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionHealth:
    """The state of a partition (`syncwell.partition_health`).

    Attributes:
        table_name: the partitioned table.
        partition_name: the partition.
        month: start of its month, UTC; None for the default partition.
        is_default: whether it is the default partition, which should be empty.
        estimated_rows: rows as of the last ANALYZE, None before the first; counted, up to 1000, in a default partition.
        total_bytes: size with indexes, in bytes.
        finding: what is wrong, in words; None: nothing.
    """

    table_name: str
    partition_name: str
    month: datetime | None
    is_default: bool
    estimated_rows: int | None
    total_bytes: int
    finding: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFlag:
    """A feature that is switched on or off (`syncwell.get_feature_flags`).

    Attributes:
        flag: its name.
        org_id: the org it was set for; None: for all orgs that have no row of their own.
        enabled: whether it is switched on.
        rollout_percent: for how many of all orgs, in percent.
        is_on: whether it is on for the caller's org; None for an operator, who has none.
        set_at: when it was set.
    """

    flag: str
    org_id: UUID | None
    enabled: bool
    rollout_percent: int
    is_on: bool | None
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedConsent:
    """What revoking a consent did (`syncwell.revoke_consent`).

    Attributes:
        revoked: there was a consent.
        erased_rows: from how many rows details were erased at once.
        is_complete: that was all; False: maintenance goes on with it.
    """

    revoked: bool
    erased_rows: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """That somebody asked about another user (`syncwell.get_access_log`).

    Attributes:
        access_id: the entry; the next page begins `before` the last one of this.
        accessed_at: when.
        login_role: the database login.
        user_id: the user who asked; None: a service, an operator, or erased since.
        role: what that was.
        function_name: the function that was called.
        subject: about whom; None: erased since.
    """

    access_id: UUID
    accessed_at: datetime
    login_role: str
    user_id: UUID | None
    role: AccessRole
    function_name: str
    subject: UUID | None
