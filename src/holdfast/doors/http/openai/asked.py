"""What a client asks of an agent in the words of the Responses API, read into an input and answers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from holdfast.doors.http.openai.items import REQUEST
from holdfast.doors.http.openai.refusal import Unfit

_TEXTS: Final = frozenset({"input_text", "output_text", "text"})
_ECHOED: Final = frozenset({"mcp_call", "mcp_approval_request", "mcp_list_tools", "reasoning"})
"""Items of earlier responses that some clients send back: the journal has them."""
_MINE: Final[Mapping[str, str]] = {
    "tools": "agents bring their own tools: leave it out",
    "conversation": "conversations go on by previous_response_id: leave it out",
    "prompt": "agents bring their own prompts: leave it out",
}
_MOST_METADATA: Final = 16

Key = Annotated[str, StringConstraints(max_length=64)]
Words = Annotated[str, StringConstraints(max_length=512)]


class ResponseRequest(BaseModel):
    """A request for a response. Other fields of OpenAI's are taken and change nothing: the agent's author decides."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"model": "support", "input": "Where is order 1042?"}]},
    )

    model: str = Field(description="The agent's name.")
    input: str | list[dict[str, JsonValue]] | None = Field(
        default=None, description="What is asked: text, or messages and answers to approval requests."
    )
    instructions: str | None = Field(
        default=None, description="Stands before the input; it never replaces the agent's."
    )
    previous_response_id: str | None = Field(default=None, description="Go on with this conversation.")
    stream: bool | None = Field(default=None, description="Tell what happens as server-sent events.")
    background: bool | None = Field(default=None, description="Answer at once, before anything is done.")
    metadata: Annotated[dict[Key, Words], Field(max_length=_MOST_METADATA)] | None = None
    user: Words | None = Field(default=None, description="Whose execution it is; of a key that is bound, its own.")
    store: bool | None = Field(default=None, description="Everything is journaled: `true`, or left out.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer to an approval request."""

    approval_id: str
    approve: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request comes to."""

    text: str | None
    """What is asked of the agent; `None`: nothing, only answers."""
    answers: tuple[Given, ...] = ()


def read(request: ResponseRequest) -> Asked:
    """What is asked, and what is answered.

    Raises:
        Unfit: It asks for what an agent does not do, or is no input; the message says what would work.
    """
    _refuse_foreign(request)
    if isinstance(request.input, str):
        said, answers = [("user", request.input)], ()
    else:
        said, answers = _read_items(request.input or [])
    if not said and not answers:
        raise Unfit("input", "say what is asked, as text or as items", code="missing_required_parameter")
    if request.instructions and said:
        said.insert(0, ("instructions", request.instructions))
    return Asked(text=_as_text(said), answers=tuple(answers))


def _refuse_foreign(request: ResponseRequest) -> None:
    extra: Mapping[str, object] = request.model_extra or {}
    for name, why in _MINE.items():
        if extra.get(name):
            raise Unfit(name, f"{name}: {why}", code="unsupported_parameter")
    if request.store is False:
        raise Unfit("store", "every execution is journaled: leave store out", code="unsupported_parameter")


def _read_items(given: Sequence[Mapping[str, JsonValue]]) -> tuple[list[tuple[str, str]], list[Given]]:
    said: list[tuple[str, str]] = []
    answers: list[Given] = []
    for place, item in enumerate(given):
        kind = item.get("type") or "message"
        if kind == "message":
            said.append(_message(item, f"input[{place}]"))
        elif kind == "mcp_approval_response":
            answers.append(_answer(item, f"input[{place}]"))
        elif kind not in _ECHOED:
            raise Unfit(
                f"input[{place}].type", f"{kind!r} is nothing an agent takes: send messages and mcp_approval_response"
            )
    return said, answers


def _message(item: Mapping[str, JsonValue], param: str) -> tuple[str, str]:
    role, content = item.get("role"), item.get("content")
    if not isinstance(role, str):
        raise Unfit(f"{param}.role", "say who speaks: user, assistant, system or developer")
    if isinstance(content, str):
        return role, content
    if not isinstance(content, list):
        raise Unfit(f"{param}.content", "give text, or a list of input_text parts")
    return role, "\n".join(_text(part, f"{param}.content[{place}]") for place, part in enumerate(content))


def _text(part: JsonValue, param: str) -> str:
    found = cast("Mapping[str, Any]", part) if isinstance(part, dict) else dict[str, Any]()
    if found.get("type") not in _TEXTS or not isinstance(found.get("text"), str):
        raise Unfit(param, f"{found.get('type', part)!r} is nothing an agent takes: send input_text")
    return found["text"]


def _answer(item: Mapping[str, JsonValue], param: str) -> Given:
    asked, approve, reason = item.get("approval_request_id"), item.get("approve"), item.get("reason")
    if not isinstance(asked, str) or not asked.startswith(REQUEST):
        raise Unfit(f"{param}.approval_request_id", f"give the id of an mcp_approval_request ({REQUEST}...)")
    if not isinstance(approve, bool):
        raise Unfit(f"{param}.approve", "say true or false")
    if reason is not None and not isinstance(reason, str):
        raise Unfit(f"{param}.reason", "give text, or leave it out")
    return Given(approval_id=asked.removeprefix(REQUEST), approve=approve, reason=reason)


def _as_text(said: Sequence[tuple[str, str]]) -> str | None:
    """One message of a user as it is; several with who said them."""
    if not said:
        return None
    if len(said) == 1 and said[0][0] == "user":
        return said[0][1]
    return "\n\n".join(f"[{role}]\n{words}" for role, words in said)
