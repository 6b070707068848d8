"""One call of a model's message with what was decided about it."""

from holdfast.loop.history import Happened
from holdfast.loop.model import RawCall
from holdfast.types import Decision, Effect, Json, Proposal
from holdfast.types.frozen import frozen


@frozen
class Judged:
    """One call of the message with what was decided about it."""

    raw: RawCall
    id: str
    index: int
    effect: Effect
    arguments: dict[str, Json]
    digest: str
    schema_hash: str
    decision: Decision
    proposal: Proposal | None = None
    text: str | None = None
    """`arguments` as canonical text, where nobody's rule had them in hand since they were searched for secrets."""
    asked: Decision | None = None
    """What would have been asked of people, where a grant lets it run."""
    grant: str | None = None
    happened: Happened | None = None
    """The same call of turns that a retry set aside."""

    @property
    def key(self) -> str:
        """What the service is given to know the call again."""
        return (self.happened.key if self.happened else "") or self.id

    @property
    def reused(self) -> bool:
        """Whether it is answered with a recorded result, and runs nothing."""
        return self.happened is not None and self.happened.ended is not None
