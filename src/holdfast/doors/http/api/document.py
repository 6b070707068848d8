"""The OpenAPI document: what FastAPI makes of the routes, with the schema of problems, and with nouns explained."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI

from holdfast.doors.http.api.answering import InvalidPart, ProblemDetails

_NOUNS: Final = {
    "executions": "Attempts to take an input to a result: start, look at, follow, cancel and retry them.",
    "tool calls": "What agents did, and what came of it.",
    "threads": "Conversations over many executions.",
    "approvals": "Questions to people, their answers, and standing yeses.",
    "agents": "What can be started, and stopping it.",
    "budgets": "Ceilings for tokens and money.",
    "rates": "How much may begin in how much time.",
    "shares": "Who gets how much of the workers.",
    "schedules": "What is asked when its time comes.",
    "controls": "Kill switches and circuit breakers.",
    "record": "Costs, how agents do, alerts, and who changed what.",
    "workers": "Who works, what no worker serves, and letting executions change version.",
    "keys": "Who may come in, and as what.",
    "health": "Whether this server is well.",
    "openai": "The same agents, for clients of OpenAI Responses.",
    "a2a": "The same agents, for clients of the Agent2Agent protocol.",
}
_DESCRIPTION: Final = (
    "Every path under `/v1` wants a key: `Authorization: Bearer hf_...`. What a key does not reach answers 404. "
    "Errors are problem details (RFC 9457) with a stable `code`. Lists have `items` and `next`, the address of the "
    "page behind this one. Amounts of money are text, so that they stay exact."
)


def document_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` is to be: makes the document once."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(plain())
        return app.openapi_schema

    return openapi


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (InvalidPart, ProblemDetails):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas[model.__name__] = {name: part for name, part in schema.items() if name != "$defs"}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["info"]["description"] = _DESCRIPTION
    used = {tag for path in document["paths"].values() for one in path.values() for tag in one.get("tags", ())}
    document["tags"] = [{"name": name, "description": words} for name, words in _NOUNS.items() if name in used]
    return document
