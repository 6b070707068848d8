"""What a `database` setting means."""

import pytest

from holdfast.errors import UsageError
from holdfast.trail.place import locate


@pytest.mark.parametrize("spelled", ["/tmp/a b.db", "sqlite:////tmp/a b.db"])
def test_a_file_may_be_spelled_as_path_or_url(spelled: str):
    """Both are the same place."""
    place = locate(spelled)
    assert (place.kind, place.path, place.sqlalchemy_url) == ("sqlite", "/tmp/a b.db", "sqlite:////tmp/a b.db")


@pytest.mark.parametrize("spelled", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_postgres_may_be_spelled_in_three_ways(spelled: str):
    """As libpq, as others, as SQLAlchemy."""
    place = locate(spelled)
    assert (place.kind, place.path) == ("postgres", "postgresql://u@h/d")
    assert place.sqlalchemy_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize("spelled", ["", ":memory:", "sqlite://", "sqlite:///:memory:", "mysql://u@h/d"])
def test_a_place_that_keeps_nothing_is_refused_with_an_example(spelled: str):
    """Memory is forgotten; other databases are not spoken."""
    with pytest.raises(UsageError, match="give a file"):
        locate(spelled)


def test_a_password_is_never_shown():
    """Messages name the place without it."""
    assert locate("postgresql://joe:hush@h:5/d?x=1").shown == "postgresql://joe:***@h:5/d?x=1"
    assert locate("postgresql:///d?host=/run&password=hush&user=joe").shown.endswith("&password=***&user=joe")


def test_a_place_without_a_password_is_shown_as_it_is():
    """What is printed can be pasted."""
    url = "postgresql://joe:@/d?host=/run/pg"
    assert locate(url).shown == url


def test_a_refused_place_does_not_say_its_password():
    """Messages end in logs."""
    with pytest.raises(UsageError) as told:
        locate("mysql://joe:hush@h/d")
    assert "hush" not in str(told.value)
