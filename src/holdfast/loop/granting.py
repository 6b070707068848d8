"""Standing yeses: calls that people would have been asked about, and that a grant lets run."""

from collections.abc import Sequence
from dataclasses import replace

from holdfast.loop.activation import Activation
from holdfast.loop.judged import Judged
from holdfast.policy.grants import allowed_by, covering
from holdfast.policy.rights import Rights
from holdfast.types import Grant


async def with_grants(activation: Activation, judged: Sequence[Judged]) -> Sequence[Judged]:
    """The same, where a standing yes covers a call that people would have been asked about: it may run."""
    if not any(call.proposal and call.decision.verdict == "review" for call in judged):
        return judged
    grants, rights = await activation.desk.grants(), activation.desk.rights()
    return [granted(grants, rights, call) for call in judged] if grants else judged


def granted(grants: Sequence[Grant], rights: Rights, call: Judged) -> Judged:
    """One call with the grant that covers it, if one does: a yes of somebody who could say it now, alone."""
    asked = call.decision
    if call.proposal is None or asked.verdict != "review" or (asked.routing and asked.routing.quorum > 1):
        return call
    groups = [asked.routing.reviewers] if asked.routing and asked.routing.reviewers else []
    user = call.proposal.user
    may = [one for one in grants if not rights.objection(one.by, "approve", groups=groups, requested_by=user)]
    grant = covering(may, call.proposal)
    if grant is None:
        return call
    return replace(call, decision=allowed_by(grant, call.decision), asked=call.decision, grant=grant.id)
