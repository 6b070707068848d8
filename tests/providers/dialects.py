"""How OpenAI (Chat Completions, Responses) and Anthropic (Messages) spell an answer, a stream and an error."""

import json
from typing import Protocol


class Spoken(Protocol):
    """An answer to spell."""

    text: str
    calls: tuple[tuple[str, dict], ...]
    stop: str


class Refused(Protocol):
    """An error to spell."""

    kind: str
    message: str


class Dialect(Protocol):
    """One provider's API."""

    wrong_key: str

    def key(self, headers: dict) -> str: ...
    def message(self, answer: Spoken, asked: dict) -> dict: ...
    def events(self, answer: Spoken, asked: dict) -> list[bytes]: ...
    def error(self, refused: Refused) -> dict: ...


def dialect_of(path: str) -> Dialect:
    """The dialect of an endpoint."""
    if path.endswith("/messages"):
        return Anthropic()
    return OpenAIResponses() if path.endswith("/responses") else OpenAIChat()


def event(data: object, name: str | None = None) -> bytes:
    """One server-sent event."""
    body = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {body}\n\n".encode()


class OpenAIChat:
    """Chat Completions, as most compatible servers speak it."""

    wrong_key = "invalid_api_key"

    def key(self, headers: dict) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def error(self, refused: Refused) -> dict:
        return {"error": {"message": refused.message, "type": refused.kind, "code": refused.kind, "param": None}}

    def message(self, answer: Spoken, asked: dict) -> dict:
        message = {"role": "assistant", "content": answer.text or None}
        if answer.calls:
            message["tool_calls"] = self._calls(answer)
        choice = {"index": 0, "message": message, "finish_reason": self._stop(answer), "logprobs": None}
        return self._frame(asked, "chat.completion") | {"choices": [choice], "usage": self._usage()}

    def events(self, answer: Spoken, asked: dict) -> list[bytes]:
        frame = self._frame(asked, "chat.completion.chunk")
        deltas: list[dict] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in _words(answer.text)]
        deltas += [{"tool_calls": [call | {"index": index}]} for index, call in enumerate(self._calls(answer))]
        chunks = [frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": self._stop(answer)}]}
        return [
            *map(event, chunks),
            event(frame | last),
            event(frame | {"choices": [], "usage": self._usage()}),
            event("[DONE]"),
        ]

    def _frame(self, asked: dict, kind: str) -> dict:
        return {"id": "chat-1", "object": kind, "created": 1_760_000_000, "model": asked["model"]}

    def _usage(self) -> dict:
        details = {"cached_tokens": 4}
        return {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "prompt_tokens_details": details}

    def _calls(self, answer: Spoken) -> list[dict]:
        return [
            {"id": f"call_{n}", "type": "function", "function": {"name": tool, "arguments": json.dumps(args)}}
            for n, (tool, args) in enumerate(answer.calls)
        ]

    def _stop(self, answer: Spoken) -> str:
        return answer.stop or ("tool_calls" if answer.calls else "stop")


class OpenAIResponses(OpenAIChat):
    """The Responses API, without streaming."""

    def message(self, answer: Spoken, asked: dict) -> dict:
        output: list[dict] = []
        if answer.text:
            content = [{"type": "output_text", "text": answer.text, "annotations": []}]
            output.append(
                {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": content}
            )
        output += [
            {"type": "function_call", "id": "f1", "call_id": call["id"], "status": "completed"} | call["function"]
            for call in self._calls(answer)
        ]
        details = {"input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {"reasoning_tokens": 2}}
        return {
            "id": "resp_1", "object": "response", "created_at": 1_760_000_000, "model": asked["model"],
            "status": "completed", "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18} | details,
        }  # fmt: skip


class Anthropic:
    """Messages."""

    wrong_key = "authentication_error"

    def key(self, headers: dict) -> str:
        return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")

    def error(self, refused: Refused) -> dict:
        return {"type": "error", "error": {"type": refused.kind, "message": refused.message}}

    def message(self, answer: Spoken, asked: dict) -> dict:
        return self._frame(asked) | {
            "content": self._blocks(answer),
            "stop_reason": self._stop(answer),
            "usage": {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 4},
        }

    def events(self, answer: Spoken, asked: dict) -> list[bytes]:
        started = self._frame(asked) | {
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 11, "output_tokens": 1},
        }
        found = [event({"type": "message_start", "message": started}, "message_start")]
        for index, block in enumerate(self._blocks(answer)):
            found += self._block_events(index, block)
        delta = {"stop_reason": self._stop(answer), "stop_sequence": None}
        found.append(event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}, "message_delta"))
        return [*found, event({"type": "message_stop"}, "message_stop")]

    def _block_events(self, index: int, block: dict) -> list[bytes]:
        if block["type"] == "text":
            empty: dict = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": word} for word in _words(block["text"])]
        else:
            empty = block | {"input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        name = "content_block_delta"
        return [
            event({"type": "content_block_start", "index": index, "content_block": empty}, "content_block_start"),
            *(event({"type": name, "index": index, "delta": delta}, name) for delta in deltas),
            event({"type": "content_block_stop", "index": index}, "content_block_stop"),
        ]

    def _frame(self, asked: dict) -> dict:
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "stop_sequence": None}

    def _blocks(self, answer: Spoken) -> list[dict]:
        text = [{"type": "text", "text": answer.text}] if answer.text else []
        calls = [
            {"type": "tool_use", "id": f"toolu_{n}", "name": tool, "input": args}
            for n, (tool, args) in enumerate(answer.calls)
        ]
        return text + calls

    def _stop(self, answer: Spoken) -> str:
        return answer.stop or ("tool_use" if answer.calls else "end_turn")


def _words(text: str) -> list[str]:
    return [f"{word} " for word in text.split()]
