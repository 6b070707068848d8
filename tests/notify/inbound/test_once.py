"""A recorded answer cannot be played again."""

import asyncio
from datetime import datetime

import pytest

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.links import Invitation, answered
from holdfast.notify.inbound.once import refuse_replay
from holdfast.testing.clock import START


class Used:
    """The port `UsedAnswers` in memory."""

    def __init__(self) -> None:
        self.keys: dict[str, datetime] = {}

    async def was_used(self, key: str) -> bool:
        return key in self.keys

    async def use(self, key: str, *, until: datetime) -> None:
        self.keys[key] = until


def test_an_answer_is_good_once():
    """The second time it is refused as replayed."""

    async def story() -> None:
        used, said = Used(), answered(Invitation(approval_id="a", person="Ada", expires_at=START), "reject")
        await refuse_replay(said, used)
        await used.use(said.once, until=said.until)
        with pytest.raises(ForgedAnswer) as refused:
            await refuse_replay(said, used)
        assert refused.value.reason == "replayed"

    asyncio.run(story())
