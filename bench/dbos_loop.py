"""The loop a careful user writes on DBOS: a workflow for each ticket, a step for each model call and each tool call."""

import asyncio
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition
from sqlalchemy import create_engine

from bench.crew import Crew, Used, counting, stand_by, told, used, wait_for
from bench.workload import Stamps, lookup_result, script
from holdfast.testing import ScriptedModel

QUEUE = "tickets"
DONE = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS' AND name = 'work'"
SLOTS = 100
"""Of each process."""
THREADS = 16
"""Of DBOS and of its connections, as its documents advise for a process with many workflows."""

LOOKUP = ToolDefinition(
    name="lookup",
    description="Look one key up.",
    parameters_json_schema={"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looped:
    """What the loops did."""

    workers: int
    turns: int
    seconds: float
    """From the commit that made all tickets visible until the last one was done."""
    cpu_s: float


@cache
def _model(turns: int) -> ScriptedModel:
    return ScriptedModel(script(turns, Stamps()))


@DBOS.step(name="ask")
async def ask(messages: list[ModelMessage], turns: int) -> ModelResponse:
    """One model call; its response is durable."""
    wanted = ModelRequestParameters(
        function_tools=[LOOKUP], instruction_parts=[InstructionPart(content="Look things up.")]
    )
    return await model_request(_model(turns), messages, model_request_parameters=wanted)


@DBOS.step(name="look_up")
async def look_up(key: str) -> str:
    """One tool call; its result is durable."""
    return lookup_result(key)


@DBOS.workflow(name="work")
async def work(ticket: str, turns: int) -> str:
    """Until the model has no more calls to make."""
    messages: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart(ticket)])]
    while True:
        response = await ask(messages, turns)
        messages.append(response)
        calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
        if not calls:
            return "".join(part.content for part in response.parts if isinstance(part, TextPart))
        results = [
            ToolReturnPart(call.tool_name, await look_up(call.args_as_dict()["key"]), call.tool_call_id)
            for call in calls
        ]
        messages.append(ModelRequest(parts=results))


async def serve(database: str, *, number: int, turns: int) -> Used:
    """A worker process, as the driver tells it."""
    DBOS(config=_config(database, f"worker-{number}"))
    DBOS.launch()
    await DBOS.register_queue_async(QUEUE, worker_concurrency=SLOTS, polling_interval_sec=0.05)
    warm = await DBOS.start_workflow_async(work, f"warm {number}", min(turns, 3))
    await warm.get_result()
    begun = await stand_by()
    await told()
    DBOS.destroy()
    return used(begun)


async def run(database: str, *, each: int, turns: int, workers: int) -> Looped:
    """Let processes work tickets: so many for each process, each so many model responses long."""
    executions = each * workers
    crew = Crew("dbos_loop:serve", workers, database=database, turns=turns)
    with crew, counting(database) as count:
        crew.begin()
        warm = count(DONE)
        began = await asyncio.to_thread(_enqueue, database, executions, turns)
        ended = wait_for(lambda: count(DONE), executions + warm)
        parts = crew.end()
    cpu_s = sum(part.cpu_s for part in parts)
    return Looped(workers=workers, turns=executions * turns, seconds=ended - began, cpu_s=cpu_s)


def _enqueue(database: str, executions: int, turns: int) -> float:
    """All in one transaction; when it was committed."""
    client = DBOSClient(system_database_url=database, application_name="bench")
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        for number in range(executions):
            wanted: Any = {"workflow_name": "work", "queue_name": QUEUE, "workflow_id": f"ticket-{number}"}
            client.enqueue_in_transaction(connection, wanted, f"ticket {number}", turns)
    committed = time.time()
    client.destroy()
    engine.dispose()
    return committed


def _config(database: str, executor: str) -> DBOSConfig:
    return DBOSConfig(
        name="bench",
        system_database_url=database,
        executor_id=executor,
        application_version="1",
        max_executor_threads=THREADS,
        sys_db_pool_size=THREADS,
        log_level="ERROR",
    )
