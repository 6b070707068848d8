"""Configuration comes from the environment and a file, explains its errors, and logs go where they belong."""

import json
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from holdfast import Price
from holdfast.config import Settings, configure_logging
from holdfast.errors import UsageError
from holdfast.trail.redact import DEFAULT, redact_log

SECRET = "sk-proj-" + "Ab1" * 10


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HOLDFAST_{name.upper()}", raising=False)
    monkeypatch.delenv("HOLDFAST_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def logs() -> Iterator[None]:
    """Puts logging back as it was."""
    before = structlog.get_config(), logging.getLogger().level, list(logging.getLogger().handlers)
    yield
    structlog.configure(**before[0])
    logging.getLogger().setLevel(before[1])
    logging.getLogger().handlers[:] = before[2]


def test_defaults_need_nothing():
    """Without any configuration there is a database, a lease and bounds."""
    settings = Settings.load()
    assert (settings.database, settings.lease_s, settings.grace_s) == (".holdfast/holdfast.db", 10, 10)
    assert (settings.concurrency, settings.approval_expiry_s, settings.queue_depth) == (100, 604_800, 10_000)


def test_the_file_is_read(folder: Path):
    """`holdfast.toml` in the working directory counts."""
    (folder / "holdfast.toml").write_text('concurrency = 7\nredact_keys = ["iban"]\n[redact_patterns]\nemployee = "E."')
    settings = Settings.load()
    assert (settings.concurrency, settings.redact_keys) == (7, ("iban",))
    assert settings.redact_patterns == {"employee": "E."}


def test_prices_are_exact(folder: Path):
    """What a model costs is read to the last digit, caches included."""
    (folder / "holdfast.toml").write_text(
        '[prices."vllm:house"]\ninput_usd_per_mtok = 0.1\noutput_usd_per_mtok = 3\ncache_read_usd_per_mtok = 0.01'
    )
    assert Settings.load().price_list == {
        "vllm:house": Price(
            input_usd_per_mtok=Decimal("0.1"),
            output_usd_per_mtok=Decimal(3),
            cache_read_usd_per_mtok=Decimal("0.01"),
        )
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [("input_usd_per_mtok = 1", "output_usd_per_mtok is missing"), ("inptu_usd_per_mtok = 1", "input_usd_per_mtok")],
)
def test_a_price_that_says_too_little_is_explained(folder: Path, table: str, words: str):
    """A price without its output, or misspelt, is an error that names the key."""
    (folder / "holdfast.toml").write_text(f'[prices."vllm:house"]\n{table}')
    with pytest.raises(UsageError, match=words):
        Settings.load()


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Arguments win over the environment, the environment over the file."""
    (folder / "holdfast.toml").write_text("concurrency = 7\nlease_s = 7\ngrace_s = 7")
    monkeypatch.setenv("HOLDFAST_LEASE_S", "8")
    monkeypatch.setenv("HOLDFAST_GRACE_S", "8")
    settings = Settings.load(grace_s=9, database=None)
    assert (settings.concurrency, settings.lease_s, settings.grace_s) == (7, 8, 9)


def test_another_file_may_be_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """`HOLDFAST_CONFIG` names the file."""
    (folder / "other.toml").write_text("concurrency = 3")
    monkeypatch.setenv("HOLDFAST_CONFIG", "other.toml")
    assert Settings.load().concurrency == 3


def test_lists_and_patterns_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    """Keys are separated by commas, patterns are JSON, levels may be shouted."""
    monkeypatch.setenv("HOLDFAST_REDACT_KEYS", "iban, tax_id")
    monkeypatch.setenv("HOLDFAST_REDACT_PATTERNS", '{"employee": "E."}')
    monkeypatch.setenv("HOLDFAST_LOG_LEVEL", "DEBUG")
    settings = Settings.load()
    assert (settings.redact_keys, settings.redact_patterns) == (("iban", "tax_id"), {"employee": "E."})
    assert settings.log_level == "debug"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("conccurency = 3", "did you mean 'concurrency'"),
        ("lease-s = 3", "did you mean 'lease_s'"),
        ("zzz = 3", "there are: database"),
        ("concurrency = 0", "concurrency = 0 .*greater than or equal to 1.*the default is 100"),
        ("concurrency = ", "holdfast.toml cannot be read"),
        ('log_level = "loud"', "log_level = 'loud'.*'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_file_is_explained(folder: Path, text: str, told: str):
    """A mistake in the file names the setting and what would work."""
    (folder / "holdfast.toml").write_text(text)
    with pytest.raises(UsageError, match=told):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HOLDFAST_LEASE_S", "soon", "HOLDFAST_LEASE_S"),
        ("HOLDFAST_REDACT_PATTERNS", "E.", "JSON object"),
        ("HOLDFAST_CONFIG", "none.toml", "no such file"),
    ],
)
def test_a_wrong_environment_is_explained(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str):
    """A mistake in the environment names the variable."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=told):
        Settings.load()


def test_logs_are_json_on_standard_error(logs: None, capsys: pytest.CaptureFixture[str]):
    """Where no terminal is, each record is one JSON object, without secrets."""
    configure_logging(Settings.load(), redact_log(DEFAULT))
    structlog.get_logger().info("started", key=SECRET, password="p")
    out, err = capsys.readouterr()
    record = json.loads(err)
    assert (out, record["event"], record["level"]) == ("", "started", "info")
    assert (record["key"], record["password"]) == ("[redacted:api_key]", "[redacted:password]")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_in_an_exception_is_not_logged(logs: None, capsys: pytest.CaptureFixture[str], as_json: bool):
    """A traceback is redacted like any other text, for people and for machines."""
    configure_logging(Settings.load(log_json=as_json), redact_log(DEFAULT))
    try:
        raise ValueError(SECRET)  # noqa: TRY301 - what is logged
    except ValueError:
        structlog.get_logger().exception("failed")
    err = capsys.readouterr().err
    assert "[redacted:api_key]" in err
    assert SECRET not in err


def test_other_libraries_logs_are_redacted_too(logs: None, capsys: pytest.CaptureFixture[str]):
    """A warning of any library goes the same way; its chatter does not."""
    configure_logging(Settings.load(), redact_log(DEFAULT))
    configure_logging(Settings.load(), redact_log(DEFAULT))
    logging.getLogger("other").warning("at %s", "https://u:pw@host/")
    logging.getLogger("other").info("chatter")
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [record["event"] for record in records] == ["at https://u:[redacted:url_password]@host/"]


def test_the_level_holds(logs: None, capsys: pytest.CaptureFixture[str]):
    """What is below the configured level is not written."""
    configure_logging(Settings.load(log_level="error"))
    structlog.get_logger().warning("quiet")
    assert capsys.readouterr().err == ""


SLACK = {
    "HOLDFAST_SLACK__TOKEN": "xoxb-hidden",
    "HOLDFAST_SLACK__SIGNING_SECRET": "hidden",
    "HOLDFAST_SLACK__CHANNEL": "C1",
}


def test_a_table_is_read_from_both_places(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Secrets in the environment, the rest in the file: one channel."""
    (folder / "holdfast.toml").write_text('[slack]\nchannel = "C1"\n[people.Ada]\ngroups = ["lead"]\nslack = "U1"')
    monkeypatch.setenv("HOLDFAST_SLACK__TOKEN", "xoxb-hidden")
    monkeypatch.setenv("HOLDFAST_SLACK__SIGNING_SECRET", "hidden")
    settings = Settings.load()
    assert settings.slack
    assert (settings.slack.channel, settings.slack.token.get_secret_value()) == ("C1", "xoxb-hidden")
    assert settings.people["Ada"].groups == ("lead",)


def test_secrets_of_channels_are_not_shown(monkeypatch: pytest.MonkeyPatch):
    """Printing the settings prints no secret."""
    for name, value in SLACK.items():
        monkeypatch.setenv(name, value)
    assert "hidden" not in f"{Settings.load()!r} {Settings.load()}"


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"HOLDFAST_SLACK__TOKEN": "xoxb-hidden"}, "slack.channel is missing: set it (HOLDFAST_SLACK__CHANNEL or"),
        ({**SLACK, "HOLDFAST_SLACK__TOKN": "hidden"}, "there is no setting 'slack.tokn'; did you mean 'slack.token'?"),
        ({"HOLDFAST_PEOPLE__ADA__SLAK": "U1"}, "did you mean 'people.ada.slack'?"),
        ({"HOLDFAST_SLACK": "xoxb-hidden"}, "slack (HOLDFAST_SLACK or holdfast.toml)"),
        ({"HOLDFAST_LINK_KEY": "hidden"}, "too short to be safe"),
        ({"HOLDFAST_PUBLIC_URL": "holdfast.example"}, "beginning with https://"),
        ({"HOLDFAST_WEBHOOK__URL": "https://x", "HOLDFAST_WEBHOOK__SECRET": "hidden"}, "24 to 64 bytes in base64"),
        ({"HOLDFAST_EMAIL__HOST": "h", "HOLDFAST_EMAIL__SENDER": "a@b"}, "set public_url and link_key too"),
        ({"HOLDFAST_PEOPLE__ADA__SLACK": "U1", "HOLDFAST_PEOPLE__BOB__SLACK": "u1"}, "have the same slack: u1"),
    ],
)
def test_a_channel_that_cannot_work_says_what_to_set(env: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch):
    """The message names the setting and its fix, and never shows a secret, nor does its cause."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as refused:
        Settings.load()
    assert told in str(refused.value)
    assert "hidden" not in f"{refused.value} {refused.value.__cause__}"


def test_a_wrong_value_in_a_named_table_is_told_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget and the key are named, with what would work and nothing else."""
    monkeypatch.chdir(tmp_path)
    Path("holdfast.toml").write_text('[budgets.all]\nscope = "globl"\nusd = 1\n', encoding="utf-8")
    with pytest.raises(UsageError) as error:
        Settings.load()
    assert "budgets.all.scope = 'globl'" in str(error.value)
    assert str(error.value).endswith("Input should be 'user', 'agent' or 'global'")
