"""A storm: many executions, one provider that fails most calls for a while; what reaches it, second by second."""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast import Agent, App, Limits, tool
from holdfast.config import BreakerSettings, Settings
from holdfast.testing import Call, Fail, Say, ScriptedModel
from holdfast.testing.script import Step

NEVER = 10**9
"""Failures before a breaker opens that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The storm and who stands in it."""

    executions: int = 500
    concurrency: int = 100
    calm_s: float = 0.5
    """Before it breaks."""
    storm_s: float = 4.0
    failing: float = 0.6
    """Share of calls that fail meanwhile."""
    latency_s: float = 0.05
    open_s: float = 0.5
    """First wait of an open breaker."""


@dataclass(slots=True)
class Provider:
    """Counts what reaches it."""

    weather: Weather
    began: float = field(default_factory=time.monotonic)
    calls: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])
    """Seconds since the beginning, and whether it answered."""
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def fails_now(self) -> bool:
        """Whether this call fails."""
        at = time.monotonic() - self.began
        stormy = self.weather.calm_s <= at < self.weather.calm_s + self.weather.storm_s
        failed = stormy and self.chance.random() < self.weather.failing
        self.calls.append((at, not failed))
        return failed


@tool(effect="read")
def look(order: str) -> str:
    """Look at an order."""
    return f"order {order} is here"


def clerk(provider: Provider) -> Agent:
    """Two turns, each one call of the model."""

    def script(messages: Sequence[Any]) -> Step:
        if provider.fails_now():
            return Fail("server")
        return Say("done") if any(message.kind == "response" for message in messages) else Call("look", {"order": "7"})

    model = ScriptedModel(script, latency_s=provider.weather.latency_s)
    return Agent(name="clerk", models=[model], tools=[look], limits=Limits(total_timeout_s=600))


def sail(weather: Weather, *, breakers: bool, within_s: float = 90) -> Mapping[str, Any]:
    """Let all of them work through it.

    Args:
        weather: The storm.
        breakers: Whether circuit breakers are there.
        within_s: Seconds until what has not ended by itself is left.
    """
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_sail(weather, str(Path(folder) / "storm.db"), breakers, within_s))


async def _sail(weather: Weather, database: str, breakers: bool, within_s: float) -> Mapping[str, Any]:  # noqa: FBT001
    provider = Provider(weather)
    rules = BreakerSettings(failures=5 if breakers else NEVER, open_s=weather.open_s, window_s=10, probe_s=5)
    settings = Settings(database=database, breakers=rules, concurrency=weather.concurrency)
    async with App([clerk(provider)], database, settings=settings) as app:
        ids = [(await app.start("clerk", f"order {number}")).id for number in range(weather.executions)]
        provider.began = time.monotonic()
        async with app.worker(), asyncio.timeout(within_s):
            ended = [await app.wait(id_) for id_ in ids]
        opened = sum(entry.kind == "breaker.opened" for entry in await app.control.record(limit=10_000))
    useful = sum(answered for _, answered in provider.calls)
    statuses = [execution.status for execution in ended]
    return {
        "calls": len(provider.calls),
        "useful": useful,
        "ratio": len(provider.calls) / useful,
        "completed": statuses.count("completed"),
        "failed": statuses.count("failed"),
        "seconds": max(at for at, _ in provider.calls),
        "opened": opened,
        "timeline": provider.calls,
    }


# --- the picture -------------------------------------------------------------------------------------------

BIN_S = 0.25
WIDTH, HEIGHT, LEFT, TOP = 860, 200, 44, 34
ANSWERED, FAILED, STORM, INK = "#38a3a5", "#c1443c", "#c9cfc4", "#17191c"


def picture(weather: Weather, panels: Mapping[str, Mapping[str, Any]]) -> str:
    """Calls that reach the provider in each quarter of a second, answered and failed, as an SVG."""
    longest = max(found["seconds"] for found in panels.values()) + BIN_S
    counted = {title: _bins(found["timeline"], longest) for title, found in panels.items()}
    most = max(sum(pair) for bins in counted.values() for pair in bins)
    parts = [
        _panel(place, f"{title}: {_words(panels[title])}", bins, most, longest, weather)
        for place, (title, bins) in enumerate(counted.items())
    ]
    height = len(parts) * HEIGHT + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">'
        f"<title>Calls that reach a failing provider, with and without circuit breakers</title>"
        f'<rect width="{WIDTH}" height="{height}" fill="#f6f6f3"/>{"".join(parts)}'
        f'<text x="{WIDTH - 8}" y="{height - 8}" text-anchor="end">seconds</text></svg>\n'
    )


def _words(found: Mapping[str, Any]) -> str:
    return (
        f"{found['calls']:,} calls for {found['useful']:,} answers ({found['ratio']:.2f}), "
        f"{found['completed']} executions completed, {found['failed']} failed"
    )


def _bins(timeline: list[tuple[float, bool]], longest: float) -> list[tuple[int, int]]:
    bins = [[0, 0] for _ in range(int(longest / BIN_S) + 1)]
    for at, answered in timeline:
        bins[int(at / BIN_S)][0 if answered else 1] += 1
    return [(answered, failed) for answered, failed in bins]


def _panel(  # noqa: PLR0913, PLR0917 - what one panel shows
    place: int, title: str, bins: list[tuple[int, int]], most: int, longest: float, weather: Weather
) -> str:
    base, step, room = (place + 1) * HEIGHT - 18, (WIDTH - LEFT - 12) / longest, HEIGHT - TOP - 26
    top = place * HEIGHT + TOP
    begin, width = LEFT + weather.calm_s * step, weather.storm_s * step
    shapes = [
        f'<text x="{LEFT}" y="{top - 14}" font-weight="600">{title}</text>',
        f'<rect x="{begin:.1f}" y="{top}" width="{width:.1f}" height="{base - top}" fill="{STORM}" opacity=".6"/>',
        f'<text x="{begin + 6:.1f}" y="{top + 14}">{weather.failing:.0%} of calls fail</text>',
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most}</text>',
    ]
    for number, (answered, failed) in enumerate(bins):
        x, bar = LEFT + number * BIN_S * step, BIN_S * step - 1
        good, bad = answered / most * room, failed / most * room
        shapes.append(
            f'<rect x="{x:.1f}" y="{base - good:.1f}" width="{bar:.1f}" height="{good:.1f}" fill="{ANSWERED}"/>'
        )
        y = base - good - bad
        shapes.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{bad:.1f}" fill="{FAILED}"/>')
    shapes += [
        f'<text x="{LEFT + second * step:.1f}" y="{base + 13}" text-anchor="middle">{second}</text>'
        for second in range(int(longest) + 1)
    ]
    return "".join(shapes)


def main(path: str) -> None:
    """Sail through the storm with and without breakers, print what came of it, and draw it."""
    weather = Weather()
    panels = {"With breakers": sail(weather, breakers=True), "Without": sail(weather, breakers=False)}
    for title, found in panels.items():
        print(f"{title}: {_words(found)}")
    Path(path).write_text(picture(weather, panels), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
