"""The checks: what a story that was killed and resumed must have in common with one that was not, and P1 and P2."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from holdfast.trail import events as kinds
from tests.crash.shop import IDEMPOTENT, IRREVERSIBLE
from tests.crash.witness import Note

SAME = ("status", "reason", "error", "result", "steps", "lease", "executions", "calls", "asked", "open")


def violations(whole: Mapping[str, Any], told: Mapping[str, Any], notes: Sequence[Note]) -> list[str]:
    """What is wrong with a story.

    Args:
        whole: The testimony of a run that nobody killed.
        told: The testimony of the last life.
        notes: What the witness has.
    """
    return [
        *different(whole, told),
        *badly_recorded(told),
        *effects(notes),
        *bought_again(told["durable"], [note for note in notes if note.life == told["life"]]),
    ]


def different(whole: Mapping[str, Any], told: Mapping[str, Any]) -> Iterable[str]:
    for name in SAME:
        if name in whole and whole[name] != told[name]:
            yield f"outcome: {name} is {told[name]!r}, uninterrupted it is {whole[name]!r}"


def badly_recorded(told: Mapping[str, Any]) -> Iterable[str]:
    if told["audit"]:
        yield f"record: {told['audit']}"
    if told["seqs"] != list(range(1, len(told["seqs"]) + 1)):
        yield f"record: gaps in {told['seqs']}"
    if (times := told["kinds"].count(kinds.COMPLETED)) != 1:
        yield f"record: completed {times} times"
    if told["kinds"][-1] != kinds.COMPLETED:
        yield f"record: it goes on after the end with {told['kinds'][-1]}"


def effects(notes: Sequence[Note]) -> Iterable[str]:
    """P1."""
    begun_since_no: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    keys: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for note in notes:
        if note.what == "no":
            begun_since_no[note.key] = 0
        elif note.what == "effect":
            happened[note.key] += 1
        elif note.what == "begun":
            begun_since_no[note.key] += 1
            keys[note.key.partition(":")[0], note.name, note.args].add(note.key)
            if note.name in IRREVERSIBLE and begun_since_no[note.key] > 1:
                yield f"P1: {note.name} {note.key} was dispatched again, and nobody had said that it did not happen"
    for (_, name, args), used in keys.items():
        if len(used) > 1:
            yield f"P1: {name} {args} ran under several keys: {sorted(used)}"
        if name in IRREVERSIBLE | IDEMPOTENT and (times := sum(happened[key] for key in used)) != 1:
            yield f"P1: the effect of {name} {args} happened {times} times"


def bought_again(durable: Mapping[str, Sequence[str]], notes: Sequence[Note]) -> Iterable[str]:
    """P2: what the last life did against what was durable when it began."""
    for note in notes:
        if note.what == "model" and note.name in durable["steps"]:
            yield f"P2: step {note.name} was answered and recorded, and bought again"
        if note.what == "begun" and note.key in durable["calls"]:
            yield f"P2: {note.name} {note.key} had ended, and ran again"
