"""A tool's declared result type: whether what came is what was promised, and where it is not."""

from collections.abc import Awaitable, Coroutine
from reprlib import Repr
from typing import Any, Never, NoReturn, TypeVar, cast, get_args, get_origin

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, SchemaError

from holdfast.tools.result import describe_error
from holdfast.tools.signature import EMPTY

_ANYTHING = frozenset({EMPTY, None, type(None), object, Any, Never, NoReturn})
"""Annotations that promise nothing that could be checked."""
_SHOWN_DIFFERENCES = 5
_SHOWN_CHARS = 800
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class Returns:
    """The result type of one tool, compiled once from its return annotation.

    Results are checked, not changed: what is recorded is what the tool returned. Instances of the declared
    model or dataclass are taken as they are. A type that pydantic does not know promises nothing.
    """

    def __init__(self, annotation: object) -> None:
        annotation = _awaited(annotation)
        self._adapter = _compile(annotation)
        self._plain = annotation if isinstance(annotation, type) else None

    def difference(self, value: object) -> str | None:
        """How a result is not as declared: which field, what was wrong, what came. `None`: it fits. Never raises."""
        if self._adapter is None or type(value) is self._plain:
            return None
        try:
            self._adapter.validate_python(value)
        except ValidationError as error:
            return _differences(error)
        except PydanticUserError:  # a forward reference that is still open: nothing can be checked
            return None
        except Exception as error:  # noqa: BLE001 - validators are code of the author
            return f"its type could not check it: {describe_error(error)[:300]}"
        return None


def _compile(annotation: object) -> TypeAdapter[object] | None:
    try:
        if annotation in _ANYTHING or isinstance(annotation, TypeVar):
            return None
    except TypeError:  # an annotation may be unhashable, such as Annotated[str, []]
        pass
    try:
        # An annotation is whatever the author wrote; pydantic judges it.
        return TypeAdapter[object](cast("type[object]", annotation))
    except (PydanticUserError, SchemaError, TypeError, ValueError, NameError):
        return None


def _awaited(annotation: object) -> object:
    """What a sync function comes to that gives something to await."""
    origin, args = get_origin(annotation), get_args(annotation)
    return args[-1] if args and origin in {Awaitable, Coroutine} else annotation


def _differences(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)
    told = "; ".join(map(_difference, found[:_SHOWN_DIFFERENCES]))
    more = f"; and {len(found) - _SHOWN_DIFFERENCES} more" if len(found) > _SHOWN_DIFFERENCES else ""
    return (told if len(told) <= _SHOWN_CHARS else told[: _SHOWN_CHARS - 6] + " [...]") + more


def _difference(item: ErrorDetails) -> str:
    where = ".".join(map(str, item["loc"])) or "the result"
    if item["type"] == "missing":
        return f"{where}: missing"
    return f"{where}: {item['msg']} (got {_shown(item['input'])})"


def _shown(value: object) -> str:
    try:
        return _SHORT.repr(value)
    except Exception as error:  # noqa: BLE001 - a value may break its own `repr`
        return f"a {type(value).__qualname__} whose repr raises {type(error).__name__}"
