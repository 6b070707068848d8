"""A plan: tasks for agents and tools that wait for each other, as a planning agent writes it down."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator
from pydantic_core import from_json
from typing_extensions import TypeIs

from holdfast.types import Json

FROM: Final = "$from"
"""The key that makes an object a reference to another task's result."""
Test: TypeAlias = Literal["is there", "is not empty", "equals", "at least", "at most", "contains", "is one of"]


def _decoded(value: object) -> object:
    """A value that was encoded twice, as some models do, as what it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return from_json(value)
    except ValueError:
        return value  # words that begin with a bracket


class Condition(BaseModel):
    """Something that code can see of a task's result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: Annotated[Test, Field(description="What must hold.")]
    value: Annotated[JsonValue, Field(description="What it is compared with; none for the first two tests.")] = None
    path: Annotated[str, Field(description="Where in the result, e.g. 'price' or 'offers.0.price'. Empty: all.")] = ""


class Task(BaseModel):
    """One thing to be done by one agent or tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(description="A short name of its own, e.g. 'find-hotel'.")]
    use: Annotated[str, Field(description="The agent or tool that does it.")]
    input: Annotated[
        JsonValue,
        Field(
            description="What it is given: a tool's arguments as an object; an agent's task as text, or an object."
            ' Wherever the result of an earlier task belongs: {"$from": "its-id", "path": "offers.0.price"}.'
        ),
    ] = None
    after: Annotated[tuple[str, ...], Field(description="Tasks to wait for whose results are not in the input.")] = ()
    success: Annotated[str, Field(description="What makes it a success, in words for whoever does it.")] = ""
    checks: Annotated[tuple[Condition, ...], Field(description="What code checks of its result.")] = ()

    _decode = field_validator("input", mode="before")(_decoded)

    @property
    def needs(self) -> tuple[str, ...]:
        """Tasks that it waits for, each once."""
        referred = [reference.task for _, reference in references(self.input)]
        return tuple(dict.fromkeys([*referred, *self.after]))


class Plan(BaseModel):
    """Tasks, and what they come to together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Annotated[tuple[Task, ...], Field(description="In any order: each begins when those it needs are done.")]
    result: Annotated[
        JsonValue,
        Field(
            description="What the whole comes to: JSON with references to results. Left out: the results of the tasks"
            " that no other one needs."
        ),
    ] = None
    reason: Annotated[str, Field(description="Why it is done this way, in a sentence or two.")] = ""

    _decode = field_validator("result", mode="before")(_decoded)

    @property
    def last(self) -> tuple[str, ...]:
        """Tasks that no other one needs."""
        needed = {name for task in self.tasks for name in task.needs}
        return tuple(task.id for task in self.tasks if task.id not in needed)


class Reference(BaseModel):
    """A place that a result, or a part of one, is put into."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    task: Annotated[str, Field(alias=FROM)]
    path: str = ""


Place: TypeAlias = tuple[str | int, ...]


def references(value: Json, place: Place = ()) -> Iterator[tuple[Place, Reference]]:
    """The references in a value, and where they stand; malformed ones are left out."""
    if isinstance(value, Mapping):
        if (found := as_reference(value)) is not None:
            yield place, found
            return
        for key, item in value.items():
            yield from references(item, (*place, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from references(item, (*place, number))


def malformed(value: Json) -> Iterator[Mapping[str, Json]]:
    """Objects that look like references and are none."""
    if isinstance(value, Mapping):
        if FROM in value and as_reference(value) is None:
            yield value
        for item in value.values():
            yield from malformed(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from malformed(item)


def as_reference(value: Mapping[str, Json]) -> Reference | None:
    """An object as the reference that it is; `None`: it is none."""
    task, path = value.get(FROM), value.get("path", "")
    if not isinstance(task, str) or not isinstance(path, str) or not set(value) <= {FROM, "path"}:
        return None
    return Reference(task=task, path=path)


def steps_of(path: str) -> list[str]:
    """The steps of a path."""
    return path.split(".") if path else []


def look_up(value: Json, path: str) -> Json:
    """The part of a value that a path names.

    Raises:
        LookupError: There is none; the message says how far it came.
    """
    found, walked = value, "it"
    for step in steps_of(path):
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif _is_list(found) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            has = f"has {', '.join(map(str, list(found)[:12])) or 'nothing'}" if isinstance(found, Mapping) else ""
            has = has or (f"is a list of {len(found)}" if _is_list(found) else f"is {type(found).__name__}")
            raise LookupError(f"there is no {path!r}: {walked} {has}")
        walked = step
    return found


def _is_list(value: Json) -> TypeIs[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def filled(value: Json, results: Mapping[str, Json]) -> Json:
    """A value with its references put in.

    Raises:
        LookupError: A result is not there, or has no such part; the message says which.
    """
    if isinstance(value, Mapping):
        if (reference := as_reference(value)) is None:
            return {key: filled(item, results) for key, item in value.items()}
        if reference.task not in results:
            raise LookupError(f"task {reference.task!r} has no result")
        try:
            return look_up(results[reference.task], reference.path)
        except LookupError as error:
            raise LookupError(f"in the result of task {reference.task!r} {error}") from error
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [filled(item, results) for item in value]
    return value


def written(model: BaseModel) -> dict[str, Json]:
    """A plan or a part of one as JSON, without what it leaves out."""
    return cast("dict[str, Json]", model.model_dump(mode="json", exclude_defaults=True))


def objection(conditions: Sequence[Condition], result: Json) -> str | None:
    """What a result lacks of what was to hold; `None`: nothing."""
    found = [said for condition in conditions if (said := _lacks(condition, result))]
    return "; ".join(found) or None


def _lacks(condition: Condition, result: Json) -> str | None:
    where = condition.path or "the result"
    try:
        value = look_up(result, condition.path)
    except LookupError as error:
        return f"{where} is to be there, and {error}"
    if _holds(condition, value):
        return None
    wanted = "" if condition.value is None and condition.test.startswith("is ") else f" {condition.value!r}"
    return f"{where} is {_short(value)}, and was to be: {condition.test}{wanted}"


def _holds(condition: Condition, value: Json) -> bool:
    wanted = cast("Json", condition.value)
    match condition.test:
        case "is there":
            return value is not None
        case "is not empty":
            return value not in (None, "", [], {})
        case "equals":
            return value == wanted
        case "at least" | "at most":
            return _measures(condition.test, value, wanted)
        case "contains":
            return _contains(value, wanted)
        case "is one of":
            return _is_list(wanted) and any(item == value for item in wanted)


def _measures(test: Test, value: Json, wanted: Json) -> bool:
    one, other = _number(value), _number(wanted)
    if one is None or other is None:
        return False
    return one >= other if test == "at least" else one <= other


def _contains(value: Json, wanted: Json) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    if isinstance(value, Mapping):
        return isinstance(wanted, str) and wanted in value
    return _is_list(value) and any(item == wanted for item in value)


def _number(value: Json) -> float | None:
    """A number, also one that is written as text, as money is; `None`: it is none."""
    if isinstance(value, bool):
        return None
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
