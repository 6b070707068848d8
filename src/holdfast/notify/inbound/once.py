"""Whether an answer was accepted before."""

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import Answered
from holdfast.ports import UsedAnswers


async def refuse_replay(answered: Answered, used: UsedAnswers) -> None:
    """Refuse a recorded answer that is played again.

    Ask before the decision and call `used.use(answered.once, until=answered.until)` with or after it: an answer that is
    marked first and then lost in a crash could never be given again.

    Raises:
        ForgedAnswer: `replayed`.
    """
    if await used.was_used(answered.once):
        raise ForgedAnswer("replayed", f"an answer that {answered.channel} delivered before")
