"""`sw.core`, asynchronous."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from syncwell.aio._caller import AsyncCaller
from syncwell.core import (
    Access,
    AccessEntry,
    FeatureFlag,
    Identity,
    LoginKind,
    MadePartition,
    Org,
    Partition,
    PartitionHealth,
    Platform,
    RevokedConsent,
    Setting,
    User,
    UserRole,
    VisibleTopic,
)

__all__ = ["AsyncCore"]


class AsyncCore:
    """Identity, tenants, settings, feature flags, consent, the access log and partitions."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def who_am_i(self) -> Identity:
        """Return who the caller is and which rule decided (`syncwell.who_am_i`); nobody is an answer, not an error."""
        return await self._caller.row(
            Identity, "select login_role, kind, org_id, user_id, role, rule from syncwell.who_am_i()", {}
        )

    async def visible_topics(self) -> list[VisibleTopic]:
        """Return what the caller may be told of as it happens, by topic (`syncwell.visible_topics`).

        Raises:
            NoIdentityError: the caller is nobody.
        """
        return await self._caller.rows(VisibleTopic, "select topic from syncwell.visible_topics()", {})

    async def org(self) -> Org | None:
        """Return the caller's org; None: the caller is nobody (table `syncwell.orgs`). Not for clients."""
        found = await self._caller.rows(Org, "select org_id, name, time_zone, created_at from syncwell.orgs", {})
        return found[0] if found else None

    async def users(self, *, user_ids: Sequence[UUID] | None = None) -> list[User]:
        """Return the users of the org that the caller may see, by name (table `syncwell.users`). Not for clients.

        Args:
            user_ids: these only; None: all.
        """
        return await self._caller.rows(
            User,
            """
            select user_id, role, display_name, created_at
            from syncwell.users
            where %(user_ids)s::uuid[] is null or user_id = any(%(user_ids)s::uuid[])
            order by display_name, user_id
            """,
            {"user_ids": None if user_ids is None else list(user_ids)},
        )

    async def explain_access(self, *, table: str, id: UUID) -> Access:
        """Return whether the caller sees a row, and by which policy (`syncwell.explain_access`).

        Args:
            table: a table of syncwell, without the schema.
            id: id of the row.

        Raises:
            psycopg.errors.InvalidParameterValue: the table has no rows that an id names.
        """
        return await self._caller.row(
            Access,
            """
            select visible, policy, reason
            from syncwell.explain_access(p_table => %(table)s::text, p_id => %(id)s::uuid)
            """,
            {"table": table, "id": id},
        )

    async def register_org(self, *, name: str, org_id: UUID | None = None, time_zone: str = "UTC") -> UUID:
        """Create an org, or rename the one of `org_id`; return its id (`syncwell.register_org`). For operators.

        Args:
            name: display name, 1 to 200 characters.
            org_id: the id to use; None: a new one.
            time_zone: IANA name of the zone in which the org's days are counted.

        Raises:
            psycopg.errors.InvalidParameterValue: an empty name or an unknown time zone.
            psycopg.errors.StringDataRightTruncation: the name is too long.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.register_org(
              p_name => %(name)s::text, p_org_id => %(org_id)s::uuid, p_time_zone => %(time_zone)s::text
            )
            """,
            {"name": name, "org_id": org_id, "time_zone": time_zone},
        )

    async def register_user(
        self, *, org_id: UUID, user_id: UUID | None = None, role: UserRole = "member", display_name: str | None = None
    ) -> UUID:
        """Create a user, or change role and name of `user_id`; return the id (`syncwell.register_user`). For operators.

        Args:
            org_id: the user's org.
            user_id: the id to use; None: a new one.
            role: what the user may see and do in the org.
            display_name: at most 200 characters.

        Raises:
            UnknownOrgError: there is no such org.
            psycopg.errors.InvalidParameterValue: an unknown role, or a user of another org.
        """
        return await self._caller.value(
            UUID,
            """
            select syncwell.register_user(
              p_org_id => %(org_id)s::uuid,
              p_user_id => %(user_id)s::uuid,
              p_role => %(role)s::text,
              p_display_name => %(display_name)s::text
            )
            """,
            {"org_id": org_id, "user_id": user_id, "role": role, "display_name": display_name},
        )

    async def bind_login(
        self, *, login_role: str, kind: LoginKind, org_id: UUID | None = None, user_id: UUID | None = None
    ) -> None:
        """Say what a database login is (`syncwell.bind_login`). For the owner of the schema only.

        Args:
            login_role: an existing role of the cluster.
            kind: user (with `user_id`), service (with `org_id`), gateway or jwt (with neither).
            org_id: the org of a service.
            user_id: the user of a user login.

        Raises:
            UnknownUserError: there is no such user.
            UnknownOrgError: there is no such org.
            psycopg.errors.InvalidParameterValue: these do not make a binding.
        """
        await self._caller.command(
            """
            select syncwell.bind_login(
              p_login_role => %(login_role)s::name,
              p_kind => %(kind)s::text,
              p_org_id => %(org_id)s::uuid,
              p_user_id => %(user_id)s::uuid
            )
            """,
            {"login_role": login_role, "kind": kind, "org_id": org_id, "user_id": user_id},
        )

    async def unbind_login(self, *, login_role: str) -> bool:
        """Make a login nobody (`syncwell.unbind_login`); False when it was not bound. For the owner only.

        Args:
            login_role: name of the role.
        """
        return await self._caller.value(
            bool,
            "select syncwell.unbind_login(p_login_role => %(login_role)s::name)",
            {"login_role": login_role},
        )

    async def set_setting(
        self,
        *,
        key: str,
        value: str | None,
        source: str | None = None,
        platform: Platform | None = None,
        org_id: UUID | None = None,
    ) -> str:
        """Set a setting, or remove it; return what is effective there now (`syncwell.set_setting`). For operators.

        Args:
            key: name of the setting.
            value: the value, as text; None removes it.
            source: for this source only; None: all.
            platform: for this platform only; None: all.
            org_id: for this org only; None: all.

        Raises:
            UnknownSettingError: no setting has this key.
            SettingOutOfRangeError: the setting does not take this value.
            UnknownOrgError: there is no such org.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.set_setting(
              p_key => %(key)s::text,
              p_value => %(value)s::text,
              p_source => %(source)s::text,
              p_platform => %(platform)s::text,
              p_org_id => %(org_id)s::uuid
            )
            """,
            {"key": key, "value": value, "source": source, "platform": platform, "org_id": org_id},
        )

    async def get_setting(self, *, key: str, source: str | None = None, platform: Platform | None = None) -> str:
        """Return the effective value of a setting for the caller's org, as text (`syncwell.get_setting`).

        Args:
            key: name of the setting.
            source: as it holds for this source.
            platform: as it holds for this platform.

        Raises:
            UnknownSettingError: no setting has this key.
        """
        return await self._caller.value(
            str,
            """
            select syncwell.get_setting(
              p_key => %(key)s::text, p_source => %(source)s::text, p_platform => %(platform)s::text
            )
            """,
            {"key": key, "source": source, "platform": platform},
        )

    async def settings_effective(self, *, source: str | None = None) -> list[Setting]:
        """Return every setting as it holds for the caller's org, by key (`syncwell.settings_effective`).

        Args:
            source: as it holds for this source; None: where the source has no say.
        """
        return await self._caller.rows(
            Setting,
            """
            select key, value, level, default_value, unit, description
            from syncwell.settings_effective(p_source => %(source)s::text)
            """,
            {"source": source},
        )

    async def set_feature_flag(
        self, *, flag: str, enabled: bool | None, org_id: UUID | None = None, rollout_percent: int | None = None
    ) -> None:
        """Switch a feature on or off (`syncwell.set_feature_flag`). For operators.

        Args:
            flag: its name.
            enabled: on or off; None removes what was set.
            org_id: for this org only; None: for all that have no row of their own.
            rollout_percent: for how many of all orgs it is on, 0 to 100; None: as it was, 100 for a new flag.

        Raises:
            UnknownOrgError: there is no such org.
            psycopg.errors.InvalidParameterValue: a bad name or percentage.
        """
        await self._caller.command(
            """
            select syncwell.set_feature_flag(
              p_flag => %(flag)s::text,
              p_enabled => %(enabled)s::boolean,
              p_org_id => %(org_id)s::uuid,
              p_rollout_percent => %(rollout_percent)s::integer
            )
            """,
            {"flag": flag, "enabled": enabled, "org_id": org_id, "rollout_percent": rollout_percent},
        )

    async def feature_enabled(self, *, flag: str) -> bool:
        """Return whether a feature is on for the caller's org (`syncwell.feature_enabled`).

        Args:
            flag: its name; one that was never set is off.
        """
        return await self._caller.value(
            bool, "select syncwell.feature_enabled(p_flag => %(flag)s::text)", {"flag": flag}
        )

    async def get_feature_flags(self) -> list[FeatureFlag]:
        """Return the feature flags by name (`syncwell.get_feature_flags`), for operators those of every org.

        Raises:
            NoIdentityError: nobody is calling.
        """
        return await self._caller.rows(
            FeatureFlag,
            """
            select flag, org_id, enabled, rollout_percent, is_on, set_at
            from syncwell.get_feature_flags()
            """,
            {},
        )

    async def grant_consent(self, *, scope: str) -> bool:
        """Consent for the calling user (`syncwell.grant_consent`); False when it had already.

        Args:
            scope: to what, e.g. detailed_monitoring.

        Raises:
            UnknownConsentScopeError: there is nothing of this name to consent to.
            psycopg.errors.InsufficientPrivilege: the caller is no user.
        """
        return await self._caller.value(
            bool, "select syncwell.grant_consent(p_scope => %(scope)s::text)", {"scope": scope}
        )

    async def revoke_consent(self, *, scope: str) -> RevokedConsent:
        """Take the calling user's consent back, and erase what was stored by it (`syncwell.revoke_consent`).

        Args:
            scope: to what it had consented.

        Raises:
            UnknownConsentScopeError: there is nothing of this name to consent to.
            psycopg.errors.InsufficientPrivilege: the caller is no user.
        """
        return await self._caller.row(
            RevokedConsent,
            """
            select revoked, erased_rows, is_complete
            from syncwell.revoke_consent(p_scope => %(scope)s::text)
            """,
            {"scope": scope},
        )

    async def has_consent(self, *, user_id: UUID | None, scope: str) -> bool:
        """Return whether a user's consent is in force (`syncwell.has_consent`).

        Args:
            user_id: whose; None: the caller's own.
            scope: to what.

        Raises:
            UnknownUserError: no user whom the caller may look at.
            UnknownConsentScopeError: there is nothing of this name to consent to.
        """
        return await self._caller.value(
            bool,
            "select syncwell.has_consent(p_user_id => %(user_id)s::uuid, p_scope => %(scope)s::text)",
            {"user_id": user_id, "scope": scope},
        )

    async def get_access_log(
        self, *, user_id: UUID | None = None, limit: int = 100, before: UUID | None = None
    ) -> list[AccessEntry]:
        """Return who asked about other users, newest first (`syncwell.get_access_log`).

        Args:
            user_id: about whom; None: about anybody of the org for admins and services, about itself for others.
            limit: 1 to 1000.
            before: the last entry of the page before.

        Raises:
            UnknownUserError: no user about whom the caller may ask this.
            psycopg.errors.InvalidParameterValue: the limit is out of range.
        """
        return await self._caller.rows(
            AccessEntry,
            """
            select access_id, accessed_at, login_role, user_id, role, function_name, subject
            from syncwell.get_access_log(
              p_user_id => %(user_id)s::uuid, p_limit => %(limit)s::integer, p_before => %(before)s::uuid
            )
            """,
            {"user_id": user_id, "limit": limit, "before": before},
        )

    async def ensure_partitions(
        self, *, table: str | None = None, months_ahead: int | None = None
    ) -> list[MadePartition]:
        """Make the partitions of the coming months; return the new ones (`syncwell.ensure_partitions`). For operators.

        Args:
            table: a partitioned table; None: all of them.
            months_ahead: how many months to prepare; None: what is registered for the table.

        Raises:
            psycopg.errors.InvalidParameterValue: an unknown table, or too many months.
        """
        return await self._caller.rows(
            MadePartition,
            """
            select table_name, partition_name, moved_rows
            from syncwell.ensure_partitions(p_table => %(table)s::text, p_months_ahead => %(months_ahead)s::integer)
            """,
            {"table": table, "months_ahead": months_ahead},
        )

    async def drop_old_partitions(self, *, table: str | None = None) -> list[Partition]:
        """Drop partitions past their retention; return them (`syncwell.drop_old_partitions`). For operators.

        Args:
            table: a partitioned table; None: all of them.

        Raises:
            psycopg.errors.InvalidParameterValue: an unknown table.
        """
        return await self._caller.rows(
            Partition,
            """
            select table_name, partition_name
            from syncwell.drop_old_partitions(p_table => %(table)s::text)
            """,
            {"table": table},
        )

    async def partition_health(self, *, table: str | None = None) -> list[PartitionHealth]:
        """Return size and state of each partition (`syncwell.partition_health`). For operators.

        Args:
            table: a partitioned table; None: all of them.

        Raises:
            psycopg.errors.InvalidParameterValue: an unknown table.
        """
        return await self._caller.rows(
            PartitionHealth,
            """
            select table_name, partition_name, month, is_default, estimated_rows, total_bytes, finding
            from syncwell.partition_health(p_table => %(table)s::text)
            """,
            {"table": table},
        )
