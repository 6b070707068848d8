"""Steps of a workflow as the page of an execution tells them."""

import asyncio

from holdfast import App, Flow, workflow
from holdfast.doors.http.console.spans import spans_of
from holdfast.types import Event


def test_each_step_is_a_row_with_what_became_of_it(sqlite_database: str) -> None:
    """Steps, waits and undos are rows with states and times; what was sent is a note."""

    def fail() -> None:
        raise OSError("no line")

    @workflow
    async def onboard(flow: Flow) -> None:
        await flow.step("open", lambda: "A1", undo=lambda: None)
        await flow.wait_for("signed")
        await flow.step("tell", fail, effect="read", retries=0)

    async def story() -> list[Event]:
        async with App([onboard], sqlite_database) as app:
            started = await app.start("onboard", None)
            await app.send(started.id, "signed")
            await app.resume(started.id, timeout_s=30)
            return [event async for event in app.events(started.id, follow=False)]

    rows = {span.name: span for span in spans_of(asyncio.run(story()), {})}
    assert {name: rows[name].status for name in ("open", "signed", "tell", "undo open")} == {
        "open": "completed",
        "signed": "completed",
        "tell": "failed",
        "undo open": "completed",
    }
    assert rows["tell"].said == "OSError: no line"
    assert "Signal" in rows
