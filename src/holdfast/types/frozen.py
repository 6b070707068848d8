"""Frozen data that is made over and over: each turn of each execution makes some of these."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[T]) -> type[T]:
    """`dataclass(frozen=True, slots=True, kw_only=True)`, whose objects take half as long to make.

    A dataclass sets each field of a frozen object past the object's own guard, which costs more than all the rest of
    making a small one. Here it is of a twin class that has the same slots and no guard, until they are set.
    Defaults are values, not factories; no subclasses, no `__post_init__`.
    """
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    names = [one.name for one in fields(made)]
    twin = type(cls.__name__, (), {"__slots__": tuple(names)})
    lines = [
        f"def __init__(self, *, {', '.join(names)}):",
        "    set_past_guard(self, '__class__', twin)",
        *(f"    self.{name} = {name}" for name in names),
        "    self.__class__ = made",
    ]
    known: dict[str, Any] = {"set_past_guard": object.__setattr__, "twin": twin, "made": made}
    exec("\n".join(lines), known)  # noqa: S102 - names of fields and nothing else, as `dataclass` itself does it
    init = known["__init__"]
    init.__kwdefaults__, init.__annotations__ = made.__init__.__kwdefaults__, made.__init__.__annotations__
    init.__qualname__, init.__module__ = made.__init__.__qualname__, cls.__module__
    made.__init__ = init
    return made
