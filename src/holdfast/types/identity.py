"""Who asks: keys of programs and people, and the caller that a door found behind a request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["viewer", "runner", "approver", "operator", "admin"]
Power = Literal["see", "run", "decide", "operate", "administer"]
"""To look; to start and cancel one's own; to answer questions; to steer everything; to say who may do what."""

KeyKind = Literal["key", "link", "session"]
"""A key is shown again and again; a login link is good once; a session is what a browser got for one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key, a login link or a session as it is listed; its secret is shown once, and only its hash is kept."""

    id: str
    name: str
    """Stands on the record for what is done with it."""
    role: Role
    user: str | None
    """Whose executions it starts and sees; `None`: everybody's, except that a runner without one is a user of its
    own, called by the key's name."""
    agents: tuple[str, ...]
    """Which agents it reaches; empty: all."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """Within a minute."""
    revoked_at: datetime | None = None
    """Of a link also: when it was used."""
    kind: KeyKind = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is behind one request, for as long as that request lasts."""

    name: str
    """Stands on the record for what they do; a person's name as the configuration spells it, or a key's."""
    role: Role
    user: str | None = None
    """Whose executions they start and see; `None`: everybody's."""
    agents: tuple[str, ...] = ()
    """Which agents they reach; empty: all."""
    credential: str = ""
    """Id of the key or session, for rate limits; never its secret."""
    via: Literal["key", "session"] = "key"
