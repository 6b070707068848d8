"""The pictures of a plan that is carried out: a planner, its agents and tools, and a browser that looks at it."""

import asyncio
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, async_playwright
from pydantic import BaseModel

from holdfast import Agent, App, Call, Conversation, Limits, Plan, Planner, Reply, Task, tool
from holdfast import Final as Result
from holdfast.doors.http.listening import bound, listening, url_of

SIZES: Final = {"": {"width": 1280, "height": 800}, "-390": {"width": 390, "height": 844}}
TAKEN: Final = asyncio.Event()
GOAL: Final = "An offer for a weekend in Lisbon, in English and in Portuguese"


class Found(BaseModel):
    """What a search came to."""

    facts: str


@tool(effect="read")
async def find_flights(city: str, people: int) -> dict[str, Any]:
    """Flights to a city and their price in dollars."""
    return {"to": city, "usd": 214.0 * people}


@tool(effect="read")
async def find_rooms(city: str, nights: int) -> dict[str, Any]:
    """Rooms in a city and their price in dollars."""
    return {"hotel": f"Casa do Rio, {city}", "usd": 128.0 * nights}


@tool(effect="irreversible")
async def hold_room(hotel: str, nights: int) -> str:
    """Hold a room."""
    return f"{nights} nights at {hotel}"


def look_up(conversation: Conversation) -> Reply:
    """Knows sights, and not the weather."""
    if "weather" in str(conversation.input):
        return Call("cannot_complete", {"reason": "no forecast reaches so far"})
    return Result(Found(facts="Alfama, the Tagus, tiles"))


async def translate(_: Conversation) -> Reply:
    """Takes as long as the pictures."""
    await TAKEN.wait()
    return Result("")


def plan(conversation: Conversation) -> Reply:
    """A plan, and another one when nobody knows the weather."""
    asked: Any = conversation.input
    if "tasks" not in asked:
        return Result(Plan(tasks=tuple(_first()), reason="Look everything up, hold a room, then write."))
    return Result(Plan(tasks=tuple(_second()), reason="The offer says nothing of the weather."))


def _first() -> list[Task]:
    return [
        Task(id="sights", use="researcher", input="What to see in Lisbon in two days"),
        Task(id="weather", use="researcher", input="The weather in Lisbon in March"),
        Task(id="flights", use="find_flights", input={"city": "Lisbon", "people": 2}),
        Task(id="rooms", use="find_rooms", input={"city": "Lisbon", "nights": 2}),
        Task(id="what-to-pack", use="writer", input={"weather": {"$from": "weather"}}),
        Task(id="offer", use="writer", input={"pack": {"$from": "what-to-pack"}, "rooms": {"$from": "rooms"}}),
    ]


def _second() -> list[Task]:
    sights, hotel = {"$from": "sights", "path": "facts"}, {"$from": "rooms", "path": "hotel"}
    prices = [{"$from": "flights", "path": "usd"}, {"$from": "rooms", "path": "usd"}]
    return [
        Task(id="hold-room", use="hold_room", input={"hotel": hotel, "nights": 2}),
        Task(id="portuguese", use="translator", input=sights),
        Task(id="offer", use="writer", input={"sights": sights, "room": {"$from": "hold-room"}, "prices": prices}),
        Task(id="both-pages", use="writer", input=[{"$from": "offer"}, {"$from": "portuguese"}]),
    ]


def planner() -> Planner[Any]:
    """Somebody who plans trips."""
    return Planner(
        name="trips",
        models=[plan],
        instructions="Plan what it takes to write an offer.",
        agents=[
            Agent(name="researcher", models=[look_up], output=Found),
            Agent(name="writer", models=[lambda _: Result("A page")]),
            Agent(name="translator", models=[translate], limits=Limits(step_timeout_s=90)),
        ],
        tools=[find_flights, find_rooms, hold_room],
        retries=0,
    )


async def take_plan(chromium: str, database: Path, target: Path) -> None:
    """Take the pictures of it, in light and dark, wide and narrow."""
    sock = bound("127.0.0.1", 0)
    async with App([planner()], str(database)) as app, app.worker(), listening(app, sock, grace_s=1):
        started = await app.start("trips", GOAL, user="harper@harbourandpine.example")
        while not await app.approvals():  # noqa: ASYNC110 - a picture may be asked for a little late
            await asyncio.sleep(0.1)
        token = await app.access.login_link(name="Ada Winter", role="admin", by="the pictures")
        cookie = (await app.access.open_session(token))[1]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for scheme in ("light", "dark"):
                for name in SIZES:
                    into = target / f"plan{name}-{scheme}.png"
                    await _shoot(browser, url_of(sock), cookie, f"/executions/{started.id}", name, scheme, into)
            await browser.close()
        TAKEN.set()


async def _shoot(  # noqa: PLR0913, PLR0917 - what a picture is made of
    browser: Browser, base: str, cookie: str, path: str, size: str, scheme: Any, into: Path
) -> None:
    context = await browser.new_context(
        base_url=base,
        viewport=SIZES[size],
        color_scheme=scheme,
        reduced_motion="reduce",  # pyright: ignore[reportArgumentType]
    )
    await context.add_cookies([{"name": "holdfast_session", "value": cookie, "url": base}])
    page = await context.new_page()
    await page.goto(path)
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(250)  # the first words of the stream
    await page.screenshot(path=into)
    await context.close()
