"""Opening an account: a workflow with branches, an agent that judges, people who decide, and a way back.

    holdfast run onboarding.py:onboard '{"name": "Mia", "email": "mia@post.example", "income": 4200}'

It runs offline: the agent answers by rules. With a key, put a model in front of them:

    holdfast run onboarding.py:onboard ... --model openai:gpt-5.2
"""

from typing import Literal

from bank import close_account, grant_credit, open_account, opened, revoke_credit, send_letter
from pydantic import BaseModel

from holdfast import Agent, App, Conversation, Final, Flow, Limits, workflow

SANCTIONED = frozenset({"Boris Badenov"})
LARGE = 5_000
"""Credits from here on are for people to grant."""


class Customer(BaseModel):
    """Who wants an account."""

    name: str
    email: str
    income: int
    wants_credit: int = 0


class Risk(BaseModel):
    """What the assessor says."""

    level: Literal["low", "high"]
    why: str


class Outcome(BaseModel):
    """What came of it."""

    status: Literal["open", "refused"]
    account: str | None = None
    credit: int = 0
    why: str = ""


def by_the_book(conversation: Conversation) -> Final:
    """The rules of the house: what a model falls back on, and all there is without a key."""
    customer = Customer.model_validate(conversation.input)
    if customer.wants_credit > 3 * customer.income:
        return Final(Risk(level="high", why="the credit is more than three months' income"))
    return Final(Risk(level="low", why="income and credit are in proportion"))


assessor = Agent(
    name="assessor",
    models=[by_the_book],
    instructions="Judge how risky it is to give this customer the credit that they want.",
    output=Risk,
    limits=Limits(steps=5, tokens=10_000),
)


def sanctions(name: str) -> bool:
    """Whether somebody is on the list."""
    return name in SANCTIONED


def is_complete(customer: Customer) -> str | None:
    """What is missing, in words."""
    return None if customer.name.strip() else "a customer needs a name"


def tidy(customer: Customer) -> Customer:
    """Spelled as the bank spells it."""
    return customer.model_copy(update={"name": customer.name.strip(), "email": customer.email.strip().lower()})


@workflow(version="1", limits=Limits(steps=40, tokens=20_000), undo_on_cancel=True)
async def onboard(flow: Flow, customer: Customer) -> Outcome:
    """Open an account for a customer, with a credit if that is wanted and nobody minds."""
    checked = await flow.step("check", tidy, customer, effect="read", check=is_complete)
    listed, risk = await flow.parallel(
        flow.step("sanctions", sanctions, checked.name, effect="read", timeout_s=10),
        flow.agent("assess", assessor, checked),
    )
    if listed:
        return Outcome(status="refused", why="on the list of sanctions")
    account = await flow.step("open", open_account, checked.name, probe=opened, undo=close_account)
    credit = 0
    if checked.wants_credit:
        credit = await credit_for(flow, checked, account, risk)
    letter = f"Welcome! Your account is {account}, your credit {credit}."
    await flow.step("welcome", send_letter, checked.email, letter, effect="idempotent", retries=1)
    return Outcome(status="open", account=account, credit=credit, why=risk.why)


async def credit_for(flow: Flow, customer: Customer, account: str, risk: Risk) -> int:
    """The credit that the customer gets; people are asked about risky and large ones."""
    if risk.level == "high" or customer.wants_credit >= LARGE:
        about = {"customer": customer.name, "credit": customer.wants_credit, "risk": risk.why}
        answer = await flow.approve(
            "sign off", question=f"May {customer.name} have a credit of {customer.wants_credit}?", about=about
        )
        if not answer:
            return 0
    return await flow.step("credit", grant_credit, account, customer.wants_credit, undo=revoke_credit)


app = App(agents=[assessor], workflows=[onboard])
