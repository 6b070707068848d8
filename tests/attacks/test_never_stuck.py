"""Random executions under random attacks: none is stuck, none loses or repeats anything."""

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from holdfast import Agent, Call, Calls, Final, Limits, Say
from holdfast.testing.script import Fail, Raw
from tests.attacks.chaos import ID_STYLES, PRICE, Chaos, Deeds, Meter
from tests.attacks.deeds import SECRET, tools
from tests.attacks.stage import Stage

SEEDS = range(int(os.environ.get("HOLDFAST_ATTACKS", "60")))
FIRST = int(os.environ.get("HOLDFAST_ATTACKS_FROM", "0"))

NAMES = ["look", "peek", "move", "pay", "send", "charge", "hang", "hang_hard", "final_result", "cannot_complete",
         "ask_person"]  # fmt: skip
STRANGE_NAMES = ["", "nope", "lo ok", "functions.look", "\x00", "\ud800", "n" * 500, f"use_{SECRET}"]
GOOD = {
    "look": ['{"order": "1"}', '{"order": "2", "depth": "3"}'], "peek": ['{"order": null}', '{"order": "9"}'],
    "move": ['{"order": "1"}'], "pay": ['{"amount": 3}', '{"amount": "4"}'], "send": ['{"to": "bob"}'],
    "charge": ['{"amount": 1}', '{"amount": 9}'], "hang": ["", "{}"], "hang_hard": ["{}", '{"password": "x"}'],
    "final_result": ['{"result": 3}', '{"result": "many"}', '"x"', "{}"],
    "cannot_complete": ['{"reason": "no"}', "", '{"reason": 3, "done": [1]}', '"why"'],
    "ask_person": ['{"question": "who?"}', '{"question": ""}', '{"question": {"a": 1}}', "{}"],
}  # fmt: skip
BAD = ["", "null", "[]", "3", '"text"', '{"order": ', "[" * 5000, '{"order": "\\u0000"}', '{"order": "\\ud800"}',
       '{"order": "' + "x" * 1_000_000 + '"}', '{"a":' * 3000 + "1" + "}" * 3000, '{"amount": NaN}',
       '{"amount": 1e400}', '{"amount": 1' + "0" * 5000 + "}", '{"to": "' + SECRET + '"}', "\x00", "\ud800",
       '{"to": "\\u0073k-abcdefghijklmnop1234567890"}', '{"order": "a", "order": "b"}', '{"to": "4111 1111 1111 1111"}',
       '{"password": "hunter2", "to": "x"}', '{"order": {"$blob": "x"}}', '{"order":"\\u0000\\u0000"}']  # fmt: skip


def a_call(dice: random.Random) -> tuple[str, str]:
    if dice.random() < 0.1:
        return dice.choice(STRANGE_NAMES), dice.choice(["{}", *BAD])
    name = dice.choice(NAMES)
    return name, dice.choice(GOOD[name]) if dice.random() < 0.8 else dice.choice(BAD)


def a_step(dice: random.Random) -> object:
    chance = dice.random()
    if chance < 0.12:
        return Fail(dice.choice(["overload", "timeout", "rate_limit", "refusal", "malformed", "unknown", "rejected"]))
    if chance < 0.18:
        return Raw(dice.choice(["", " ", "half", "\x00\ud800", f"key {SECRET}"]), (), dice.choice(["stop", "length"]))
    if chance < 0.2:
        return Raw("", [a_call(dice) for _ in range(60)])
    if chance < 0.25:
        return Calls([Call("look", {"order": "1"}), Call("pay", {"amount": 3}), Call("ask_person", {"question": "?"})])
    if chance < 0.28:
        return dice.choice([Final(3), Final("x"), Say("3"), Say("words")])
    text = dice.choice(["", "", "Let me see.", f"I use {SECRET}"])
    finish = "length" if dice.random() < 0.05 else "tool_call"
    return Raw(text, [a_call(dice) for _ in range(dice.choice([1, 1, 1, 2, 3, 5]))], finish)


def stage_for(seed: int, database: str) -> tuple[Stage, Chaos]:
    dice, deeds, meter = random.Random(seed), Deeds(), Meter()
    model = Chaos(
        [a_step(dice) for _ in range(dice.randint(1, 14))], ids=dice.choice(ID_STYLES), edge=dice.random() < 0.2,
        meter=meter, price=PRICE, context_window=dice.choice([None, None, 20_000, 4_000]),
    )  # fmt: skip
    limits = Limits(
        steps=dice.choice([25, 25, 3]), tokens=dice.choice([10**7, 10**7, 50_000, 9_000]),
        cost_usd=dice.choice([None, None, 0.5, 0.05]), tool_calls=dice.choice([None, None, 4]),
        step_timeout_s=0.5, total_timeout_s=dice.choice([300, 10**6]), repeats=dice.choice([3, 1]),
    )  # fmt: skip
    agent = Agent(
        name="clerk", models=[model], tools=tools(dice, deeds), limits=limits, output=dice.choice([str, int, int]),
        on_failure=dice.choice(["fail", "review"]), corrections=dice.choice([3, 3, 0]), max_output_tokens=500,
    )  # fmt: skip
    return Stage(database, agent, deeds, meter, dice, kills=dice.random() < 0.5), model


@pytest.mark.parametrize("seed", [FIRST + seed for seed in SEEDS])
def test_no_execution_is_stuck_or_lies(seed: int, tmp_path: Path, migrated_file: Path) -> None:
    """Whatever model, tools and people do: it ends, once, within its limits, on a record that is true."""
    database = str(shutil.copy(migrated_file, tmp_path / "trail.db"))
    stage, model = stage_for(seed, database)
    asyncio.run(stage.play({"ask": "Do it."}))
    assert not (stage.wrongs + model.faults), "\n".join([*stage.wrongs, *model.faults, "--", *stage.told])
