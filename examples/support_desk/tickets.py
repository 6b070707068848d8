"""The tickets, as customers wrote them."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from holdfast.types import Json

TICKETS = Path(__file__).parent / "tickets.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One e-mail to the support desk."""

    id: str
    sender: str
    """The address it came from, as the mail server checked it: the `user` of its execution."""
    subject: str
    body: str
    thread: str | None
    """Tickets of one conversation share it."""

    def as_input(self) -> Json:
        """What the agent is asked: `app.start(support, ticket.as_input(), user=ticket.sender)`."""
        return {"ticket": self.id, "from": self.sender, "subject": self.subject, "body": self.body}


class _Paste(BaseModel):
    """A long paste at the end of a body, spelled short: `repeat`, numbered, until `bytes` are reached."""

    opening: str
    repeat: str
    bytes: int

    def in_full(self) -> str:
        parts = [self.opening]
        size = len(self.opening.encode())
        number = 1
        while size < self.bytes:
            parts.append(self.repeat.replace("{n}", str(number)))
            size += len(parts[-1].encode())
            number += 1
        return "".join(parts)


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    sender: str = Field(alias="from")
    subject: str
    body: str
    thread: str | None = None
    paste: _Paste | None = None


def load_tickets(path: Path = TICKETS) -> list[Ticket]:
    """The tickets in a JSONL file, in its order.

    Raises:
        ValidationError: A line is no ticket; the message says which field.
    """
    lines = [_Line.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [
        Ticket(
            id=line.id,
            sender=line.sender,
            subject=line.subject,
            body=line.body + (line.paste.in_full() if line.paste else ""),
            thread=line.thread,
        )
        for line in lines
    ]
