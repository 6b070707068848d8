"""Data that is made over and over: frozen, whatever makes it quick."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace
from inspect import signature

import pytest

from holdfast.types.frozen import frozen


@frozen
class Point:
    """A thing with and without a default."""

    x: int
    y: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """The same, made as usual."""

    x: int
    y: int = 2


def test_it_cannot_be_changed():
    """Neither its fields nor others can be set or deleted."""
    point = Point(x=1)
    for change in (lambda: setattr(point, "x", 5), lambda: setattr(point, "z", 5), lambda: delattr(point, "x")):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            change()
    assert (point.x, point.y, type(point)) == (1, 2, Point)


def test_it_is_what_a_dataclass_is():
    """Equal, hashable, printed, copied, pickled and replaced as any frozen dataclass."""
    point = Point(x=1, y=3)
    assert point == Point(x=1, y=3) != Point(x=1)
    assert hash(point) == hash(Plain(x=1, y=3))
    assert repr(point) == "Point(x=1, y=3)"
    assert replace(point, y=2) == Point(x=1)
    assert copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
    assert type(copy.copy(point)) is Point


def test_it_is_made_like_a_dataclass():
    """The same parameters, and the same words about one that is missing or unknown."""
    assert str(signature(Point)) == str(signature(Plain))
    for given in ({}, {"x": 1, "z": 2}):
        with pytest.raises(TypeError) as ours:
            Point(**given)
        with pytest.raises(TypeError) as usual:
            Plain(**given)
        assert str(ours.value) == str(usual.value).replace("Plain", "Point")
