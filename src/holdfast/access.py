"""Who may come in: keys, login links and sessions, made, checked and ended."""

import asyncio
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeVar

from holdfast.composition import Parts
from holdfast.errors import StoreError, Unauthenticated, UsageError
from holdfast.policy.roles import POWERS
from holdfast.trail.credentials import Credential
from holdfast.types import Caller, Key, KeyKind, Role

_PREFIXES: Final = {"key": "hf", "link": "hl", "session": "hs"}
_SECRET: Final = re.compile(r"(hf|hl|hs)_([0-9a-f]{8,64})_[A-Za-z0-9_-]{43}")
_RANDOM_BYTES: Final = 32
_REMEMBERED: Final = 10_000
"""Credentials that are known without a query."""
_TRUSTED: Final = timedelta(seconds=2)
"""For so long a credential counts as it was last read: a revocation in another process holds after that."""
_TOUCHED: Final = timedelta(seconds=60)
_NAME_LENGTH: Final = 200
T = TypeVar("T")


class Access:
    """The credentials of one app, as `app.access`. Every change is on the operators' record, with who.

    A secret is 32 random bytes. It is given once; the database has its SHA-256.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: OrderedDict[str, tuple[datetime, Credential]] = OrderedDict()
        """By the secret's hash: when it was read, and what."""
        self._touched: OrderedDict[str, datetime] = OrderedDict()
        self._touching: asyncio.Task[None] | None = None

    # --- keys

    async def create_key(  # noqa: PLR0913 - the parts of a key
        self,
        name: str,
        *,
        role: Role,
        by: str,
        user: str | None = None,
        agents: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        """A new key, and its secret, which nobody can look up later.

        Args:
            name: Stands on the record for what is done with it. Several keys may share one, as when one takes
                another's place.
            role: What it may do.
            by: Who makes it.
            user: Whose executions it starts and sees. Default: everybody's; a runner's own.
            agents: Which agents it reaches. Default: all.
            expires_at: From when on it is good for nothing. Default: never.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        now = self._parts.clock.now()
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
            raise UsageError(f"expires_at={expires_at}: give a time to come, with its time zone")
        key = self._new("key", name, role=role, user=user, agents=agents, by=by, expires_at=expires_at)
        return await self._issued(key)

    async def keys(self, kind: KeyKind = "key") -> Sequence[Key]:
        """All of one kind, oldest first, also those that are over."""
        return await (await self._parts.trail()).credentials(kind)

    async def revoke_key(self, id: str, *, by: str) -> Key:  # noqa: A002 - the word of the domain
        """End a key, a link or a session, and with a key the sessions that came from it.

        Every process heeds it within two seconds. Ending what is over already changes nothing.

        Raises:
            NotFound: There is none of that id.
        """
        try:
            return await (await self._parts.trail()).withdraw(id, by=by)
        finally:
            self._known.clear()  # also of sessions, which go by their own hashes

    # --- people

    async def login_link(  # noqa: PLR0913 - the parts of a link
        self,
        *,
        name: str,
        role: Role,
        by: str,
        user: str | None = None,
        agents: Sequence[str] = (),
        lasts_s: float = 600,
    ) -> str:
        """The token of a link that logs one browser in, once.

        Args:
            name: Who it is for; stands on the record for what they do.
            role: What they may do.
            by: Who makes it.
            user: Whose executions they start and see. Default: everybody's; a runner's own.
            agents: Which agents they reach. Default: all.
            lasts_s: Seconds within which it must be used. Default: 10 minutes.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        expires_at = self._parts.clock.now() + _positive(lasts_s)
        _, token = await self._issued(
            self._new("link", name, role=role, user=user, agents=agents, by=by, expires_at=expires_at)
        )
        return token

    async def open_session(self, secret: str, *, lasts_s: float = 43_200) -> tuple[Caller, str]:
        """Log a browser in with a key or a link's token; the value of its cookie is new each time.

        A session ends with the key that it came from. A link is used up.

        Args:
            secret: The key, or the token of a link.
            lasts_s: Seconds until the session is over. Default: 12 hours.

        Raises:
            Unauthenticated: It is no key and no link that counts.
        """
        kind: KeyKind = "link" if secret.startswith(f"{_PREFIXES['link']}_") else "key"
        source = await self._checked(secret.strip(), kind)
        is_link = kind == "link"
        return await self._session(
            source.key, lasts_s, parent=None if is_link else source.key.id, uses=source.key.id if is_link else None
        )

    async def admit(  # noqa: PLR0913 - the parts of a caller
        self,
        name: str,
        *,
        role: Role,
        by: str,
        user: str | None = None,
        agents: Sequence[str] = (),
        lasts_s: float = 43_200,
    ) -> tuple[Caller, str]:
        """Log somebody in whom another service vouches for.

        Args:
            name: Stands on the record for what they do.
            role: What they may do.
            by: The service, for the record.
            user: Whose executions they start and see. Default: everybody's; a runner's own.
            agents: Which agents they reach. Default: all.
            lasts_s: Seconds until the session is over. Default: 12 hours.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        person = self._new("session", name, role=role, user=user, agents=agents, by=by, expires_at=None)
        return await self._session(person, lasts_s, parent=None, uses=None, by=by)

    async def close_session(self, cookie: str) -> None:
        """Log out. A cookie that is none, or over, changes nothing."""
        try:
            found = await self._checked(cookie, "session")
        except Unauthenticated:
            return
        await self.revoke_key(found.key.id, by=found.key.name)

    # --- requests

    async def caller_of_key(self, secret: str) -> Caller:
        """Who sends this key.

        Raises:
            Unauthenticated: Nobody knows it, or it is over; the message says which.
        """
        return self._caller(await self._used(secret, "key"))

    async def caller_of_session(self, cookie: str) -> Caller:
        """Whose browser sends this cookie.

        Raises:
            Unauthenticated: Nobody knows it, or it is over.
        """
        return self._caller(await self._used(cookie, "session"))

    async def in_force(self, id: str) -> bool:  # noqa: A002 - the word of the domain
        """Whether a key or a session still counts; `True` for what is none."""
        found = await (await self._parts.trail()).credential(id)
        try:
            return found is None or _refuse_over(found, self._parts.clock.now()) is None
        except Unauthenticated:
            return False

    # --- how

    def _new(  # noqa: PLR0913 - the parts of a credential
        self,
        kind: KeyKind,
        name: str,
        *,
        role: Role,
        user: str | None,
        agents: Sequence[str],
        by: str,
        expires_at: datetime | None,
    ) -> Key:
        _refuse_unfit(name, role, user, agents)
        return Key(
            id=self._parts.ids().replace("-", ""),
            kind=kind,
            name=name.strip(),
            role=role,
            user=user,
            agents=tuple(agents),
            created_at=self._parts.clock.now(),
            created_by=by,
            expires_at=expires_at,
        )

    async def _issued(self, key: Key, *, parent: str | None = None, uses: str | None = None) -> tuple[Key, str]:
        secret = f"{_PREFIXES[key.kind]}_{key.id}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
        made = Credential(key=key, hash=_hashed(secret), parent_id=parent)
        stored = await (await self._parts.trail()).issue(made, uses=uses)
        if stored is None:
            raise Unauthenticated("this login link was used before: ask for another, it is good once")
        return stored, secret

    async def _session(
        self, source: Key, lasts_s: float, *, parent: str | None, uses: str | None, by: str | None = None
    ) -> tuple[Caller, str]:
        until = self._parts.clock.now() + _positive(lasts_s)
        if source.expires_at is not None and uses is None:
            until = min(until, source.expires_at)
        made = self._new(
            "session",
            source.name,
            role=source.role,
            user=source.user,
            agents=source.agents,
            by=by or source.name,
            expires_at=until,
        )
        stored, cookie = await self._issued(made, parent=parent, uses=uses)
        return self._caller(stored), cookie

    def _caller(self, key: Key) -> Caller:
        # Executions carry their user as the redaction rules leave the name.
        own = self._parts.redactor().identity(key.name, "user", "user_id") if key.role == "runner" else None
        return Caller(
            name=key.name,
            role=key.role,
            user=key.user or own,
            agents=key.agents,
            credential=key.id,
            via="session" if key.kind == "session" else "key",
        )

    async def _used(self, secret: str, kind: KeyKind) -> Key:
        found = await self._checked(secret, kind)
        self._touch(found.key)
        return found.key

    async def _checked(self, secret: str, kind: KeyKind) -> Credential:
        shaped = _SECRET.fullmatch(secret)
        if shaped is None or shaped[1] != _PREFIXES[kind]:
            raise Unauthenticated(_UNKNOWN[kind], guessed=True)
        digest = _hashed(secret)
        found = self._remembered(digest) or await self._read(shaped[2], digest)
        if found is None or found.key.kind != kind:
            raise Unauthenticated(_UNKNOWN[kind], guessed=True)
        _refuse_over(found, self._parts.clock.now())
        return found

    def _remembered(self, digest: str) -> Credential | None:
        at, found = self._known.get(digest, (None, None))
        # A clock that was set back makes nothing last longer.
        return found if at and timedelta(0) <= self._parts.clock.now() - at < _TRUSTED else None

    async def _read(self, id_: str, digest: str) -> Credential | None:
        now = self._parts.clock.now()  # before the query: what is revoked after it holds in time
        found = await (await self._parts.trail()).credential(id_)
        if found is None or not hmac.compare_digest(found.hash, digest):
            return None
        _remember(self._known, digest, (now, found))
        return found

    def _touch(self, key: Key) -> None:
        """Note that it was used, at most once a minute and beside the request."""
        now, last = self._parts.clock.now(), self._touched.get(key.id, key.last_used_at)
        busy = self._touching is not None and not self._touching.done()
        if busy or (last is not None and now - last < _TOUCHED):
            return
        _remember(self._touched, key.id, now)
        self._touching = asyncio.create_task(self._note_use(key.id))

    async def _note_use(self, id_: str) -> None:
        try:
            await (await self._parts.trail()).touch(id_)
        except (StoreError, UsageError):
            return  # the database is away, or only to be read: it is a remark, and the next use makes it again


_UNKNOWN: Final = {
    "key": "nobody knows this key: send one as `Authorization: Bearer hf_...`; holdfast keys create makes one",
    "link": "this login link does not work: it was cut off or altered, or is long over",
    "session": "this session is over: log in again",
}
_WORDS: Final = {"key": "this key", "link": "this login link", "session": "this session"}


def _refuse_over(found: Credential, now: datetime) -> None:
    key, word = found.key, _WORDS[found.key.kind]
    if key.revoked_at is not None:
        if key.kind == "link":
            raise Unauthenticated("this login link was used before: ask for another, it is good once")
        raise Unauthenticated(f"{word} is revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise Unauthenticated(f"{word} expired at {key.expires_at:%Y-%m-%d %H:%M} UTC")
    if found.parent_over_at is not None and found.parent_over_at <= now:
        raise Unauthenticated(f"{word} ended with the key that it came from")


def _refuse_unfit(name: str, role: Role, user: str | None, agents: Sequence[str]) -> None:
    if role not in POWERS:
        raise UsageError(f"there is no role {role!r}: use one of {', '.join(POWERS)}")
    if isinstance(agents, str):
        raise UsageError(f"agents={agents!r}: give a list of names, [{agents!r}]")
    for what, words in (("name", name), ("user", user), *(("agent", agent) for agent in agents)):
        if words is not None and (not words.strip() or not words.isprintable() or len(words) > _NAME_LENGTH):
            raise UsageError(f"{what} {words!r}: use 1 to {_NAME_LENGTH} characters that can be printed")
    if role == "admin" and (user is not None or agents):
        raise UsageError("an admin makes keys for everything, so it cannot be bound: leave user and agents out")


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _positive(lasts_s: float) -> timedelta:
    if not 0 < lasts_s <= 366 * 86_400:
        raise UsageError(f"lasts_s={lasts_s}: give seconds, more than 0 and up to a year")
    return timedelta(seconds=lasts_s)


def _remember(known: OrderedDict[str, T], key: str, value: T) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
