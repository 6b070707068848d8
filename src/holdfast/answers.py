"""What people do: answer questions, one or many alike, give standing yeses, send signals, see what was corrected."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import chain
from math import isfinite
from typing import cast

from pydantic_core import to_jsonable_python

from holdfast.agent import Agent
from holdfast.composition import Parts
from holdfast.errors import HoldfastError, NotEntitled, NotFound, UsageError
from holdfast.loop.edit import checked_edit
from holdfast.policy.alike import alike
from holdfast.policy.grants import checked_bounds, parse_bounds
from holdfast.types import Answer, Approval, ApprovalStatus, Feedback, Grant, Json, Ruling, Settled


class Answers:
    """The part of an app that serves people."""

    _parts: Parts

    async def approvals(
        self, status: ApprovalStatus | None = "open", *, execution_id: str | None = None, below: bool = False
    ) -> Sequence[Approval]:
        """Questions to people, oldest first; `status=None` gives all.

        Args:
            status: Only these. Default: the open ones.
            execution_id: Only of this execution. Default: of all.
            below: Also of the executions below it that have not ended. Default: no.
        """
        trail = await self._parts.trail()
        if execution_id is None or not below:
            return await trail.approvals(status=status, execution_id=execution_id)
        family = [execution_id, *await trail.unended(execution_id)]
        found = [await trail.approvals(status=status, execution_id=each) for each in family]
        return sorted(chain.from_iterable(found), key=lambda approval: (approval.asked_at, approval.id))

    async def decide(
        self, approval_id: str, answer: Answer, *, by: str, note: str | None = None, edit: Json = None
    ) -> Approval:
        """Answer an approval. The answer counts once.

        Where several people must agree, a yes is one vote and the approval stays open until there are enough. A no
        decides at once, and takes back a yes that has not been used yet.

        Args:
            approval_id: Which.
            answer: `approve` or `reject`; for a question of the agent `answer` (with `note`); for a call in
                doubt `happened` (with `edit`, its result), `run` or `skip`.
            by: Who answers.
            note: Words for the model and the record.
            edit: Other arguments to run with; for a result or an escalation the result to end with.

        Raises:
            NotFound: There is no such approval.
            NotEntitled: That person may not give this answer; the message says who may.
            AlreadyDecided: Somebody was faster, it expired, or the same person said the same before.
            InvalidArguments: The edit does not fit the tool, or the agent's output type.
            UsageError: That answer does not fit the kind of question.
        """
        trail = await self._parts.trail()
        asked = await trail.approval(approval_id)
        self._refuse_not_entitled(asked, answer, by)
        edit_digest = None
        if answer == "approve":
            edit, edit_digest = checked_edit(self._parts.agents, asked, edit, redactor=self._parts.redactor())
        decided = await trail.decide(
            Ruling(approval_id=approval_id, answer=answer, by=by, note=note, edit=edit, edit_digest=edit_digest)
        )
        self._parts.lessons.forget()
        return decided

    async def send(
        self,
        execution_id: str,
        name: str,
        payload: object = None,
        *,
        by: str = "operator",
        id: str | None = None,  # noqa: A002 - the word of the domain
    ) -> bool:
        """Send a signal to a workflow, which may wait for it now or later; it is durable when this returns.

        Args:
            execution_id: Whose.
            name: What `flow.wait_for` waits for.
            payload: What it brings: JSON or a pydantic model. Default: nothing.
            by: Who sends it.
            id: Sending twice with the same id is sending once. Default: each time is another one.

        Returns:
            Whether it is new.

        Raises:
            NotFound: There is no such execution.
            IllegalTransition: It has ended.
            UsageError: It is no workflow's, or the signal has no name.
        """
        trail = await self._parts.trail()
        begun = await trail.events(execution_id, limit=1)
        if begun and not begun[0].data.get("workflow"):
            said = f"execution {execution_id} is of agent {begun[0].data['agent']!r}"
            raise UsageError(f"{said}, which waits for no signals: workflows do")
        sent: Json = self._parts.redactor().value(to_jsonable_python(payload))
        return await trail.send(execution_id, name, sent, by=by, signal_id=self._parts.ids() if id is None else id)

    def objection(self, asked: Approval, answer: Answer, *, by: str) -> str | None:
        """Why this person may not give this answer to an open question; `None`: they may. Decides nothing."""
        return self._parts.rights().objection(
            self._parts.redactor().text(by),
            answer,
            groups=asked.groups,
            requested_by=asked.requested_by,
            also=self._parts.redactor().identity(by, "user", "user_id"),
        )

    async def checked_edit(self, approval_id: str, edit: Json) -> Json:
        """The edit as `decide` would record it: validated, with defaults, without secrets. Decides nothing.

        Raises:
            NotFound: There is no such approval.
            InvalidArguments: The edit does not fit the tool, or the agent's output type.
        """
        asked = await (await self._parts.trail()).approval(approval_id)
        return checked_edit(self._parts.agents, asked, edit, redactor=self._parts.redactor())[0]

    async def alike(self, approval_id: str) -> Sequence[Approval]:
        """Open approvals of the same agent, tool, gate and sort of reason, that one included; oldest first.

        Raises:
            NotFound: There is no such approval.
        """
        approval = await (await self._parts.trail()).approval(approval_id)
        return alike(approval, await self.approvals())

    async def decide_all(
        self, approval_ids: Sequence[str], answer: Answer, *, by: str, note: str | None = None
    ) -> Sequence[Settled]:
        """Give one answer to several approvals. Each is decided singly; one that is refused stops no other.

        Returns:
            What each came to, in the order given.
        """
        return [await self._settle(approval_id, answer, by=by, note=note) for approval_id in approval_ids]

    async def _settle(self, approval_id: str, answer: Answer, *, by: str, note: str | None) -> Settled:
        try:
            approval = await self.decide(approval_id, answer, by=by, note=note)
        except HoldfastError as error:
            return Settled(approval_id=approval_id, approval=None, refused=str(error))
        return Settled(approval_id=approval_id, approval=approval)

    def _refuse_not_entitled(self, asked: Approval, answer: Answer, by: str) -> None:
        late = asked.status != "open" and not (asked.status == "approved" and answer == "reject")
        if late or not isinstance(cast("object", by), str):
            return  # the store says what is wrong
        if why := self.objection(asked, answer, by=by):
            raise NotEntitled(why)

    # --- standing yeses -------------------------------------------------------------------------------

    async def grant(  # noqa: PLR0913 - the terms of a standing yes
        self,
        tool: str,
        *,
        by: str,
        why: str,
        for_s: float,
        uses: int,
        agent: Agent[object] | str | None = None,
        bounds: Mapping[str, Json] | Sequence[str] = (),
    ) -> Grant:
        """Let calls of a tool within bounds run without asking, for a while and so many times. On the record.

        A call uses it in the commit that begins the call. It never stands for several people, nor for a group that
        `by` is not in.

        Args:
            tool: The tool's name.
            by: Who agrees beforehand.
            why: For the record.
            for_s: Seconds until it ends.
            uses: So many calls at most.
            agent: Whose calls. Default: any agent's.
            bounds: By argument, `{"amount": {"max": 100}}`, or as words, `["amount<=100"]`. Default: any arguments.

        Raises:
            UsageError: It cannot be; the message says what would work.
            NotFound: The agent, as this app has it, has no such tool.
        """
        name = agent.name if isinstance(agent, Agent) else agent
        self._refuse_unknown_tool(tool, name)
        if not isfinite(for_s) or for_s <= 0:
            raise UsageError(f"for_s={for_s}: give seconds, more than 0")
        if uses < 1:
            raise UsageError(f"uses={uses}: give 1 or more")
        if not why.strip():
            raise UsageError("say why: whoever looks at the record will ask")
        now = self._parts.clock.now()
        given = Grant(
            id=self._parts.ids(),
            tool=tool,
            agent=name,
            bounds=checked_bounds(bounds if isinstance(bounds, Mapping) else parse_bounds(bounds)),
            until=now + timedelta(seconds=for_s),
            uses=uses,
            used=0,
            by=by,
            why=why,
            at=now,
        )
        await (await self._parts.trail()).add_grant(given)
        return given

    async def grants(self) -> Sequence[Grant]:
        """StatusCounts yeses in force, oldest first."""
        controls = await (await self._parts.trail()).controls()
        return sorted(controls.grants, key=lambda grant: (grant.at, grant.id))

    async def revoke(self, grant_id: str, *, by: str, why: str = "") -> None:
        """Take a standing yes back: it covers nothing that has not begun.

        Raises:
            NotFound: There is none of that id.
        """
        await (await self._parts.trail()).revoke_grant(grant_id, by=by, why=why)

    def _refuse_unknown_tool(self, tool: str, agent: str | None) -> None:
        agents = [one for one in self._parts.agents.values() if agent in {None, one.name}]
        names = sorted({known.name for one in agents for known in one.tools})
        if agents and tool not in names:
            raise NotFound(f"{agent or 'no agent'} has {'no ' if agent else 'a '}tool {tool!r}: {', '.join(names)}")

    # --- what people corrected ------------------------------------------------------------------------

    async def feedback(self, *, agent: str | None = None, limit: int = 100) -> Sequence[Feedback]:
        """Edited arguments, corrected results and reasons for a no, newest first."""
        return await (await self._parts.trail()).feedback(agent=agent, limit=limit)
