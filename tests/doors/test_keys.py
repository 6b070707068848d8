"""`holdfast keys`: who may come in, said on the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.doors.cli import _status
from tests.doors.conftest import Ran
from tests.logs import forget_logging

Cli = Callable[..., Ran]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command, in a folder of its own and in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLDFAST_DATABASE", raising=False)

    def run(*args: str) -> Ran:
        capsys.readouterr()
        status = _status([*args])
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    yield run
    forget_logging()  # it would go on writing to what this test captured


def test_a_key_is_made_before_everything_else(cli: Cli) -> None:
    """Its secret is shown this once; the list has none, and the record says who made it."""
    made = cli("keys", "create", "ci", "--scope", "runner", "--agent", "payer", "--expires", "90d", "--by", "ann")
    assert made.status == 0, made
    assert "there was no database yet" in made.err
    (secret,) = [line.strip() for line in made.out.splitlines() if line.strip().startswith("hf_")]
    listed = cli("keys", "list", "--json")
    assert secret.rsplit("_", 1)[1] not in listed.out
    assert (listed.row["name"], listed.row["role"], listed.row["agents"]) == ("ci", "runner", ["payer"])
    assert "key.created" in cli("audit").out


def test_programs_get_the_secret_as_json(cli: Cli) -> None:
    """One object, whose secret is the key."""
    row = cli("keys", "create", "board", "--role", "viewer", "--json").row
    assert row["secret"].startswith(f"hf_{row['id']}_")


def test_a_key_is_ended_by_a_part_of_its_id(cli: Cli) -> None:
    """Or by pasting the secret itself, as one does after it leaked."""
    first = cli("keys", "create", "one", "--role", "viewer", "--json").row
    second = cli("keys", "create", "two", "--role", "viewer", "--json").row
    assert cli("keys", "revoke", first["id"][-8:]).status == 0
    ended = cli("keys", "revoke", second["secret"])
    assert (ended.status, second["secret"].rsplit("_", 1)[1] in ended.out) == (0, False)
    assert all(row["revoked_at"] for row in cli("keys", "list", "--json").rows)
    assert "revoked" in cli("keys", "list").out


def test_a_login_link_is_printed_as_people_open_it(cli: Cli, tmp_path: Path) -> None:
    """At the public address where one is configured."""
    (tmp_path / "holdfast.toml").write_text('public_url = "https://agents.example.com"\n')
    row = cli("keys", "link", "--name", "Ada", "--role", "approver", "--json").row
    assert row["url"] == f"https://agents.example.com{row['path']}"
    assert row["path"].startswith("/login/hl_")
    assert cli("keys", "list", "--links", "--json").row["name"] == "Ada"


def test_what_cannot_be_is_refused_with_what_could(cli: Cli) -> None:
    """Each in one line, with exit status 2."""
    cli("keys", "create", "one", "--role", "viewer")
    for given, says in [
        (("create", "x", "--role", "god"), "viewer"),
        (("create", "x"), "--role"),
        (("create", "x", "--role", "admin", "--user", "mia"), "leave user and agents out"),
        (("create", "x", "--role", "viewer", "--expires", "soon"), "write 45s, 30m, 2h or 1d"),
        (("create", "x", "--role", "viewer", "--expires", "0s"), "a time to come"),
        (("link", "--for", "2000d"), "up to a year"),
        (("revoke", "abc"), "too short"),
        (("revoke", "abcdef0123"), "holdfast keys list"),
    ]:
        ran = cli("keys", *given, "--json")
        assert (ran.status, says in json.loads(ran.out)["error"]["message"]) == (2, True), ran
    assert len(cli("keys", "list", "--json").rows) == 1


def test_listing_makes_no_database(cli: Cli, tmp_path: Path) -> None:
    """Looking where there is nothing says so."""
    ran = cli("keys", "list")
    assert (ran.status, list(tmp_path.glob(".holdfast/*"))) == (2, [])
