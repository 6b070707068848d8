"""The list of open questions beside every card: filters that stay in the address, neighbours, and what is alike."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from holdfast.doors.http.console.approval_view import Entry, entries
from holdfast.doors.http.console.figures import now
from holdfast.doors.http.console.shell import app_of
from holdfast.policy.roles import may
from holdfast.types import Approval, Caller, WantedApprovals

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What of the open questions is shown."""

    agent: str = ""
    tool: str = ""
    group: str = ""
    mine: bool = False
    """Only those that this caller may agree to."""
    after: str = ""
    """Those behind this one: the next page."""

    @classmethod
    def of(cls, request: Request) -> "Filters":
        """As the address says."""
        given = request.query_params
        return cls(
            agent=given.get("agent", ""),
            tool=given.get("tool", ""),
            group=given.get("group", ""),
            mine=given.get("mine") == "1",
            after=given.get("after", ""),
        )

    def query(self, *, after: str | None = None) -> str:
        """For an address, with the question mark; empty when nothing is filtered."""
        parts = {"agent": self.agent, "tool": self.tool, "group": self.group, "mine": "1" if self.mine else ""}
        parts["after"] = self.after if after is None else after
        given = {name: value for name, value in parts.items() if value}
        return f"?{urlencode(given)}" if given else ""

    @property
    def any(self) -> bool:
        """Whether something is left out."""
        return bool(self.agent or self.tool or self.group or self.mine)

    @property
    def wanted(self) -> WantedApprovals:
        """What the record is asked for."""
        agents = (self.agent,) if self.agent else ()
        return WantedApprovals(agents=agents, tool=self.tool or None, group=self.group or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """The list."""

    entries: Sequence[Entry]
    more: str | None
    """The last one of this page, if there are further ones."""
    agents: Sequence[str]
    tools: Sequence[str]
    groups: Sequence[str]

    def beside(self, shown: Approval) -> tuple[str | None, str | None]:
        """The ids before and after a question; of one that is no longer in the list, what waits since later."""
        ids = [entry.approval.id for entry in self.entries]
        if shown.id in ids:
            at = ids.index(shown.id)
            return (ids[at - 1] if at else None, ids[at + 1] if at + 1 < len(ids) else None)
        place = (shown.asked_at, shown.id)
        later = next((e.approval.id for e in self.entries if (e.approval.asked_at, e.approval.id) > place), None)
        earlier = [e.approval.id for e in self.entries if (e.approval.asked_at, e.approval.id) < place]
        return (earlier[-1] if earlier else None, later or (ids[0] if ids else None))


async def inbox(request: Request, caller: Caller, filters: Filters) -> Inbox:
    """The open questions that the caller reaches, oldest first."""
    app = app_of(request)
    found, asked = await asyncio.gather(
        app.glance.waiting(caller, filters.wanted, limit=PAGE + 1, after=filters.after or None),
        app.glance.tools_asked(caller),
    )
    page = found[:PAGE]
    shown = [one for one in page if not filters.mine or is_mine(request, caller, one)]
    return Inbox(
        entries=entries(shown, now=now()),
        more=page[-1].id if len(found) > PAGE else None,
        agents=sorted({agent for agent, _, _ in asked} | ({filters.agent} - {""})),
        tools=sorted({tool for _, tool, _ in asked if tool} | ({filters.tool} - {""})),
        groups=sorted({group for _, _, group in asked if group} | ({filters.group} - {""})),
    )


def is_mine(request: Request, caller: Caller, approval: Approval) -> bool:
    """Whether the caller may agree to it."""
    return may(caller, "decide") and app_of(request).objection(approval, "approve", by=caller.name) is None
