"""Whether a yes still counts when it is used: those who gave it may have lost the right since."""

from holdfast.loop.activation import Activation
from holdfast.loop.history import ApprovalState


def lost_right(activation: Activation, answer: ApprovalState) -> str | None:
    """Why the people who agreed may not decide any more, if they may not."""
    if answer.answer is None:
        return None
    return activation.desk.rights().first_objection(
        answer.voters or (answer.by,), answer.answer, groups=answer.groups, requested_by=activation.history.user
    )
