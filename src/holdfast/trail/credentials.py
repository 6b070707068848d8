"""The trail as what keeps credentials: hashes of keys, login links and sessions, with who made and who ended them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Connection, select

from holdfast.errors import NotFound
from holdfast.trail.codec import canonical, stamp
from holdfast.trail.parts import Parts
from holdfast.trail.reader import columns, moment, rows, sure
from holdfast.trail.requests import Issue, Touch, Withdraw
from holdfast.trail.schema import credentials
from holdfast.types import Key, KeyKind

_KEPT: Final = timedelta(days=30)
"""How long sessions and links stay in the table after their end, for who looks back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What is stored of a secret, and whether it still counts."""

    key: Key
    hash: str
    """SHA-256 of the secret, as hexadecimal digits."""
    parent_id: str | None = None
    """The key that a session came from: with it the session ends."""
    parent_over_at: datetime | None = None
    """When that key was, or will be, over."""


class CredentialSide:
    """Makes, ends and finds credentials. Secrets never come here: only their hashes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def issue(self, made: Credential, *, uses: str | None = None) -> Key | None:
        """Store a credential, on the record; `None`: the one-time link `uses` was used before, or is over."""
        prepare, key = self._parts.prepare, made.key
        name, by = prepare.who(key.name), prepare.who(key.created_by)
        user, at = prepare.user(key.user), stamp(key.created_at)
        expires_at = stamp(key.expires_at) if key.expires_at else None
        told = {"id": key.id, "name": name, "role": key.role, "user": user, "agents": list(key.agents)}
        asked = Issue(
            row=(
                key.id, key.kind, name, key.role, user, canonical(list(key.agents)), made.hash, made.parent_id, at, by,
                expires_at,
            ),
            uses=uses,
            entry=(_MADE[key.kind], {**told, "expires_at": expires_at, "from": made.parent_id or uses, "by": by}),
            forget_before=stamp(key.created_at - _KEPT),
            at=at,
        )  # fmt: skip
        if await self._parts.write(asked) == "nothing":
            return None
        found = await self._parts.patiently(lambda c: _found(c, key.id))
        return found.key if found else None

    async def withdraw(self, credential_id: str, *, by: str) -> Key:
        """End a credential, on the record; one that has ended already stays as it is.

        Raises:
            NotFound: There is none of that id.
        """
        before = await self.credential(credential_id)
        if before is None:
            raise NotFound(f"there is no key {credential_id!r}: holdfast keys list shows them")
        key = before.key
        entry = {"id": key.id, "name": key.name, "role": key.role, "by": self._parts.prepare.who(by)}
        await self._parts.write(Withdraw(id=key.id, entry=(_ENDED[key.kind], entry), at=self._parts.prepare.now()))
        after = await self._parts.patiently(lambda c: _found(c, key.id))
        return after.key if after else key

    async def touch(self, credential_id: str) -> None:
        """Note that it was used now."""
        await self._parts.write(Touch(id=credential_id, at=self._parts.prepare.now()))

    async def credential(self, credential_id: str) -> Credential | None:
        """The one of that id, used up or not."""
        return await self._parts.reader.run(lambda c: _found(c, credential_id))

    async def credentials(self, kind: KeyKind) -> Sequence[Key]:
        """All of one kind, oldest first, those that have ended too."""
        query = select(*columns(credentials)).where(credentials.c.kind == kind)
        ordered = query.order_by(credentials.c.created_at, credentials.c.id)
        return [_key(row) for row in await self._parts.reader.run(lambda c: rows(c, ordered))]


_MADE: Final[Mapping[KeyKind, str]] = {"key": "key.created", "link": "link.created", "session": "session.opened"}
_ENDED: Final[Mapping[KeyKind, str]] = {"key": "key.revoked", "link": "link.revoked", "session": "session.closed"}


def _found(connection: Connection, credential_id: str) -> Credential | None:
    row = connection.execute(select(*columns(credentials)).where(credentials.c.id == credential_id)).mappings().first()
    if row is None:
        return None
    over_at = _over_at(connection, row["parent_id"]) if row["parent_id"] else None
    return Credential(
        key=_key(cast("Mapping[str, Any]", row)),
        hash=row["hash"],
        parent_id=row["parent_id"],
        parent_over_at=over_at,
    )


def _over_at(connection: Connection, parent_id: str) -> datetime | None:
    table = credentials.c
    query = select(table.expires_at, table.revoked_at).where(table.id == parent_id)
    found = connection.execute(query).first()
    if found is None:
        return datetime.min.replace(tzinfo=UTC)  # nobody knows the key any more
    ends = [sure(at) for at in found if at is not None]
    return min(ends, default=None)


def _key(row: Mapping[str, Any]) -> Key:
    return Key(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        role=row["role"],
        user=row["user_id"],
        agents=tuple(json.loads(row["agents"] or "[]")),
        created_at=sure(row["created_at"]),
        created_by=row["created_by"],
        expires_at=moment(row["expires_at"]),
        last_used_at=moment(row["last_used_at"]),
        revoked_at=moment(row["revoked_at"]),
    )
