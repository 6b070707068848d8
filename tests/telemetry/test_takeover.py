"""A worker dies at any instant; the trace goes on in the next one."""

from holdfast import App
from holdfast.types import Execution
from tests import processes
from tests.telemetry.desk import named, of, one, orphans, play, traced
from tests.telemetry.doomed import die, mover
from tests.telemetry.receiver import Receiver


def test_a_trace_survives_kill_9_and_take_over(sqlite_database: str, receiver: Receiver):
    """What the dead worker had in memory is told by the one that takes over: nothing is missing, nothing twice."""
    doomed = processes._FORKS.Process(target=die, args=(sqlite_database, receiver.url))
    doomed.start()
    doomed.join(60)
    assert (doomed.exitcode, receiver.spans) == (-9, [])

    async def story(app: App) -> Execution:
        (execution,) = await app.list()
        async with app.worker():
            return await app.wait(execution.id, 30)

    execution = play(traced(sqlite_database, mover(), otlp_endpoint=receiver.url), story)
    spans = of(receiver, execution)
    assert (execution.status, orphans(spans), len({span.id for span in spans})) == ("completed", [], len(spans))
    died, went_on = named(spans, "activation")
    assert (died.error, died.attributes["holdfast.outcome"], went_on.error) == ("worker_lost", "interrupted", None)
    lost, recovered = named(spans, "execute_tool move")
    assert (lost.error, recovered.attributes["holdfast.tool.status"]) == ("worker_lost", "completed")
    assert recovered.attributes["holdfast.tool.attempt"] == 2
    assert [len(named(spans, name)) for name in ("invoke_agent", "execute_tool look", "chat")] == [1, 1, 3]
    assert one(spans, "invoke_agent").start <= died.start <= died.end <= went_on.start
