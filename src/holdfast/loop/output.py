"""The agent's result type, and what may be made of the JSON that models write."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from holdfast.errors import DeclarationError, InvalidArguments
from holdfast.types import Json

WRAPPED_IN = "result"
"""The output tool's only parameter when the result is no object itself: a number, a list, a union."""

DEEPEST = 100
"""Levels of JSON that a model may write; every reader of it goes down a few frames a level."""
TOO_DEEP = "The JSON is nested too deeply."

_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)
_PUNCTUATION = re.compile(r"[\s{}\[\]:,\"'“”\\]+")
_LAST_ZEROS = re.compile(r"(\d\.\d*?)0+(?!\d)")
_LAST_POINT = re.compile(r"(\d)\.(?!\d)")
_NONE = re.compile(r"\bNone\b")
_ENDS_A_VALUE = re.compile(r"(?:[\"'”\]}]|\b(?:true|false|null|True|False|None))\s*\Z")
_QUOTES = {'"': '"', "'": "'", "“": "”"}


class OutputContract:
    """What an agent promises to answer: the schema for the model, the check for us.

    Args:
        output: The agent's `output`: `str`, or a type that pydantic can validate.

    Raises:
        DeclarationError: Pydantic cannot make a schema of it.
    """

    def __init__(self, output: object) -> None:
        self.structured: bool = output is not str
        try:
            self._adapter = TypeAdapter[object](cast("type", output))
            schema = self._adapter.json_schema()
        except Exception as error:
            raise DeclarationError(
                f"output={output!r} cannot be the type of a result: give a pydantic model, a dataclass or another "
                f"type that pydantic has a JSON schema for ({error})"
            ) from error
        is_object = schema.get("type") == "object" and "properties" in schema
        self.wrapped_in: str | None = WRAPPED_IN if self.structured and not is_object else None
        self.schema: Mapping[str, Json] = _wrap(schema) if self.wrapped_in else cast("Mapping[str, Json]", schema)
        self.description: str = str(schema.get("description") or "Hand in the result and end the work.")

    def validate(self, value: object) -> Json:
        """The result as JSON, checked and completed with defaults.

        Args:
            value: The arguments of the output tool, or a value of the output type.

        Raises:
            InvalidArguments: It does not fit; the message says where and why, for the model to read.
        """
        bare = value
        if self.wrapped_in and isinstance(value, Mapping) and set(cast("Mapping[str, object]", value)) == {WRAPPED_IN}:
            bare = cast("Mapping[str, object]", value)[WRAPPED_IN]
        try:
            # By way of JSON, so that a strict type takes what JSON can say of it: a date as text.
            checked = self._adapter.validate_json(to_json(bare))
            return cast("Json", self._adapter.dump_python(checked, mode="json"))
        except ValidationError as error:
            raise InvalidArguments(explain(error)) from error
        except ValueError as error:
            raise InvalidArguments(f"The result cannot be written as JSON: {error}") from error

    def typed(self, result: Json) -> object:
        """A validated result as a Python value: what a review rule reads.

        Raises:
            InvalidArguments: It does not fit any more.
        """
        try:
            return self._adapter.validate_json(to_json(result))
        except ValidationError as error:
            raise InvalidArguments(explain(error)) from error

    def again(self, result: Json) -> Json:
        """A result that was validated before, as it would be taken now.

        Raises:
            InvalidArguments: It does not fit any more.
        """
        return self.validate({WRAPPED_IN: result} if self.wrapped_in else result)

    def from_text(self, text: str) -> Json:
        """The result from a message in plain text: as it is, fenced, or with words around it.

        Raises:
            InvalidArguments: There is no JSON in it, several different results, or one that does not fit.
        """
        if not self.structured:
            return self.validate(text)
        found: list[Json] = []
        problem: InvalidArguments | None = None
        for candidate in _candidates(text):
            try:
                result = self.validate(parse_json(candidate))
            except InvalidArguments as error:
                problem = problem or error
                continue
            if result not in found:
                found.append(result)
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidArguments("Your message holds several different results: give exactly one.")
        raise problem or InvalidArguments("Your message holds no result: answer with JSON that fits the schema.")


def explain(error: ValidationError) -> str:
    """What does not fit, in words for a model."""
    lines: list[str] = []
    for item in error.errors(include_url=False, include_context=False)[:10]:
        place = ".".join(map(str, item["loc"])) or "the value"
        lines.append(f"- {place}: {item['msg']} (got {_short(item.get('input'))})")
    return "The result does not fit its schema:\n" + "\n".join(lines)


def parse_arguments(raw: str | Mapping[str, Json]) -> Mapping[str, Json]:
    """Tool arguments from what a model wrote: a JSON object, repaired only where nothing has to be guessed.

    Raises:
        InvalidArguments: It is no JSON object; the message says why, for the model to read.
    """
    if not isinstance(raw, str):
        return raw
    if not raw.strip():
        return {}
    value = parse_json(raw)
    if isinstance(value, str) and value.lstrip().startswith("{"):  # some models encode twice
        value = parse_json(value)
    if not isinstance(value, Mapping):
        raise InvalidArguments(f"The arguments must be one JSON object, not {_short(value)}.")
    return cast("Mapping[str, Json]", value)


def parse_json(raw: str) -> Json:
    """JSON as a model wrote it, repaired where that changes punctuation only.

    Raises:
        InvalidArguments: It is not JSON and only a guess could make it so.
    """
    try:
        # Line breaks inside a string are not JSON, but can mean nothing else.
        value = json.loads(raw, strict=False, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        value = _repaired(raw, error)
    except RecursionError as error:
        raise InvalidArguments(TOO_DEEP) from error
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise InvalidArguments("The JSON holds a number with too many digits: give it as text.") from error
    _refuse_unsendable(value)
    if _deeper_than(value, DEEPEST):
        raise InvalidArguments(TOO_DEEP)
    return value


def _repaired(raw: str, error: json.JSONDecodeError) -> Json:
    import json_repair  # noqa: PLC0415 - only malformed messages need it

    try:
        value = cast("Json", json_repair.loads(raw))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, Mapping | list) and _says_the_same(raw, cast("Json", value)):
        return cast("Json", value)
    raise InvalidArguments(
        f"This is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}. Write it again in full."
    ) from error


def _says_the_same(raw: str, value: Json) -> bool:
    """Whether the repair touched punctuation only: all words kept, none made up, brackets closed at the end."""
    written, repaired = _brackets(raw), _brackets(json.dumps(value))
    if written is None or repaired is None:
        return False
    short, long = sorted((written, repaired), key=len)
    if not long.startswith(short) or long[len(short) :].strip("]}"):
        return False
    if len(written) < len(repaired) and not _ENDS_A_VALUE.search(raw):
        return False  # cut off in the middle: more may have followed
    return _letters(raw) == _letters(" ".join(_words(value))) and all(_stood_in(raw, s) for s in _strings(value))


def _brackets(text: str) -> str | None:
    """The brackets outside strings; `None` when the text ends inside a string."""
    closing, escaped, found = "", False, list[str]()
    for char in text:
        if escaped:
            escaped = False
        elif closing:
            escaped = char == "\\"
            closing = "" if char == closing else closing
        elif char in _QUOTES:
            closing = _QUOTES[char]
        elif char in "{}[]":
            found.append(char)
    return None if closing else "".join(found)


def _letters(text: str) -> str:
    plain = _NONE.sub("null", _LAST_POINT.sub(r"\1", _LAST_ZEROS.sub(r"\1", text)))
    return _PUNCTUATION.sub("", plain).casefold()


def _words(value: Json) -> Iterator[str]:
    """Every key and scalar in order, as JSON writes it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield json.dumps(key, ensure_ascii=False)
            yield from _words(item)
    elif isinstance(value, str) or not isinstance(value, Sequence):
        yield json.dumps(value, ensure_ascii=False)
    else:
        for item in value:
            yield from _words(item)


def _strings(value: Json) -> Iterator[str]:
    """Every string that is a value; keys may stand without quotes, values may not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _strings(item)


def _stood_in(raw: str, text: str) -> bool:
    spellings = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return any(
        f"{begin}{spelling}{end}" in raw
        for spelling in spellings
        for begin, end in _QUOTES.items()
        if end not in spelling.replace(f"\\{end}", "")
    )


def _candidates(text: str) -> Iterator[str]:
    """Pieces of a text that may be the result: all of it, fenced blocks, objects and lists among words."""
    whole = text.strip()
    if not whole:
        return
    fenced = [block.strip() for block in _FENCED.findall(whole)]
    if fenced:
        yield from fenced
    elif whole[0] in '{["' or len(whole) < 64:
        yield whole
    if not fenced:
        yield from _embedded(whole)


def _embedded(text: str) -> Iterator[str]:
    decoder = json.JSONDecoder(strict=False)
    start = _next_opening(text, 0)
    first, found = start, False
    while start >= 0:
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = _next_opening(text, start + 1)
            continue
        found = True
        yield text[start:end]
        start = _next_opening(text, end)
    last = max(text.rfind("}"), text.rfind("]"))
    if not found and 0 <= first < last:
        yield text[first : last + 1]


def _next_opening(text: str, after: int) -> int:
    places = [place for place in (text.find("{", after), text.find("[", after)) if place >= 0]
    return min(places, default=-1)


def _unique(pairs: Sequence[tuple[str, Json]]) -> Mapping[str, Json]:
    result: dict[str, Json] = {}
    for key, value in pairs:
        if key in result and result[key] != value:
            raise InvalidArguments(f"The key {key!r} stands twice with different values: give it once.")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidArguments(f"{name} is not JSON: give a number or null.")


def _refuse_unsendable(value: Json) -> None:
    """Half of a surrogate pair is no text, and no encoder follows any depth: neither reaches the journal."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidArguments("The JSON holds half of a surrogate pair (\\ud800 to \\udfff).") from error
    except RecursionError as error:
        raise InvalidArguments(TOO_DEEP) from error


def _deeper_than(value: Json, levels: int) -> bool:
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        return False
    if not levels:
        return True
    return any(_deeper_than(item, levels - 1) for item in (value.values() if isinstance(value, Mapping) else value))


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wrap(schema: Mapping[str, object]) -> Mapping[str, Json]:
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    outer: dict[str, object] = {"type": "object", "properties": {WRAPPED_IN: inner}, "required": [WRAPPED_IN]}
    if "$defs" in schema:
        outer["$defs"] = schema["$defs"]  # references count from the root
    return cast("Mapping[str, Json]", outer)
