"""Questions and alerts by mail, with a link of their own for each person who may answer.

A mail is best one row of the outbox for one person (`email:Ada`): one that fails does not send the others again. A row
for all of them (`email`) is remembered while this process lives. A Message-ID is made of row and address, the same at
every attempt: mail servers and readers drop a second copy.
"""

import html
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from importlib.util import find_spec
from typing import Final

from pydantic import SecretStr

from holdfast.config import EmailSettings
from holdfast.errors import DeliveryFailed, MissingExtra
from holdfast.notify.inbound.links import Invitation, token
from holdfast.notify.message import as_text, choices, clipped, facts, headline, verdict
from holdfast.notify.people import People
from holdfast.types import Card, Closed, Delivery, Notice, Outgoing

_SUBJECT_LIMIT: Final = 200
_ARGUMENTS_LIMIT: Final = 50_000
_REMEMBERED: Final = 10_000


class Email:
    """The port `Channel` over SMTP.

    Args:
        settings: `[email]`.
        people: Where to write to whom.
        public_url: Where the links lead to.
        link_key: Signs them.

    Raises:
        MissingExtra: The library for SMTP is not installed.
    """

    name = "email"

    def __init__(self, settings: EmailSettings, *, people: People, public_url: str, link_key: SecretStr) -> None:
        if find_spec("aiosmtplib") is None:
            raise MissingExtra("notify", needed_for="sending mail")
        self._settings, self._people = settings, people
        self._public_url, self._link_key = public_url, link_key
        self._done: dict[tuple[str, str], None] = {}

    async def send(self, outgoing: Outgoing) -> str | None:
        """Send a mail to the address, or to everybody who is asked.

        Returns:
            `None`: a mail cannot be changed; its link says what became of the question.

        Raises:
            DeliveryFailed: The server did not take it; for ever, when it says that there is no such address. The first
                of several failures; the others have their mails.
        """
        failures: list[DeliveryFailed] = []
        for to in self._recipients(outgoing):
            if (outgoing.id, to) not in self._done:
                try:
                    await self._submit(self._mail(outgoing, to))
                except DeliveryFailed as failed:
                    failures.append(failed)
                    if not failed.permanent:
                        continue
                self._remember(outgoing.id, to)
        if failures:
            raise next((failed for failed in failures if not failed.permanent), failures[0])

    async def update(self, ref: str, closed: Closed) -> None:
        """Nothing: a mail that was read cannot be changed."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _recipients(self, outgoing: Outgoing) -> Sequence[str]:
        """Names of people, or addresses."""
        if outgoing.address.to:
            return [outgoing.address.to]
        group = outgoing.delivery.group if isinstance(outgoing.delivery, Card) else None
        return [*(person.name for person in self._people.of(group) if person.email), *self._settings.to]

    def _remember(self, outgoing_id: str, to: str) -> None:
        self._done[outgoing_id, to] = None
        while len(self._done) > _REMEMBERED:
            del self._done[next(iter(self._done))]

    def _mail(self, outgoing: Outgoing, to: str) -> EmailMessage:
        delivery = outgoing.delivery
        address, link = self._addressed(outgoing, to)
        mail = EmailMessage()
        mail["Subject"] = clipped(headline(delivery), _SUBJECT_LIMIT)
        mail["From"], mail["To"] = self._settings.sender, address
        mail["Date"] = format_datetime(outgoing.queued_at)
        mail["Message-ID"] = self._id(sha256(f"{outgoing.id}\n{address}".encode()).hexdigest()[:32])
        if isinstance(delivery, Card):
            mail["References"] = self._id(delivery.approval_id)  # reminders stand under their question
        mail["Auto-Submitted"] = "auto-generated"  # out-of-office programs do not answer this
        parts = _parts(delivery, link)
        mail.set_content(_plain(parts))
        mail.add_alternative(_html(parts), subtype="html")
        return mail

    def _addressed(self, outgoing: Outgoing, to: str) -> tuple[str, str | None]:
        """The address, and the person's link if it is one's own and there is something to answer."""
        if "@" in to:
            return to, None
        person = self._people.named(to)
        if person is None or person.email is None:
            raise DeliveryFailed(f"there is no e-mail address for {to!r} any more: set people.{to}.email")
        if not isinstance(outgoing.delivery, Card):
            return person.email, None
        card = outgoing.delivery
        invitation = Invitation(approval_id=card.approval_id, person=person.name, expires_at=card.expires_at)
        return person.email, f"{self._public_url}/answer/{token(invitation, self._link_key)}"

    def _id(self, name: str) -> str:
        domain = parseaddr(self._settings.sender)[1].rpartition("@")[2] or "holdfast.invalid"
        return f"<{name}@{domain}>"

    async def _submit(self, mail: EmailMessage) -> None:
        import aiosmtplib  # noqa: PLC0415 - only who sends mail has it

        settings = self._settings
        try:
            await aiosmtplib.send(
                mail,
                hostname=settings.host,
                port=settings.port,
                username=settings.user,
                password=settings.password.get_secret_value() if settings.password else None,
                use_tls=settings.tls,
                start_tls=settings.starttls and not settings.tls,
                timeout=20,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise _failed(
                f"refused the address ({codes})", permanent=all(code in (550, 553) for code in codes)
            ) from None
        except (aiosmtplib.SMTPException, ssl.SSLError, OSError, ValueError) as error:
            # What a server says may quote what it was told.
            code = getattr(error, "code", None)
            raise _failed(f"{type(error).__name__}{f' ({code})' if code else ''}") from None


def _failed(what: str, *, permanent: bool = False) -> DeliveryFailed:
    return DeliveryFailed(f"the mail server did not take it: {what}", permanent=permanent)


_Part = tuple[str, str]
"""A kind (`title`, `text`, `code`, `fact`, `link`) and its words; a link's words are `label\\naddress`."""


def _parts(delivery: Delivery, link: str | None) -> Sequence[_Part]:
    match delivery:
        case Card():
            return [
                ("title", headline(delivery)),
                ("text", delivery.reason),
                ("code", clipped(as_text(delivery.arguments), _ARGUMENTS_LIMIT)),
                *(("fact", f"{label}: {words}") for label, words in facts(delivery)),
                *_answers(delivery, link),
                *_console(delivery.link),
            ]
        case Closed(card=card, note=note):
            return [("title", headline(card)), ("text", verdict(delivery)), ("text", note or ""), *_console(card.link)]
        case Notice(body=body):
            return [("title", headline(delivery)), ("text", body), *_console(delivery.link)]


def _answers(card: Card, link: str | None) -> Sequence[_Part]:
    """A link for each answer; all lead to one form, with that answer chosen."""
    if link is None:
        return []
    whole = len(as_text(card.arguments)) <= _ARGUMENTS_LIMIT
    offered = [choice for choice in choices(card, whole=whole) if choice.asks != "edit"]
    listed = [("link", f"{choice.label}\n{link}?answer={choice.answer}") for choice in offered]
    return [*listed, ("text", "These links are yours alone, and good for one answer: do not pass this mail on.")]


def _console(link: str | None) -> Sequence[_Part]:
    return [("link", f"Open in the console\n{link}")] if link else []


def _plain(parts: Sequence[_Part]) -> str:
    spoken = [words.replace("\n", ": ", 1) if kind == "link" else words for kind, words in parts if words.strip()]
    return "\n\n".join(spoken) + "\n"


def _html(parts: Sequence[_Part]) -> str:
    shown = "\n".join(_element(kind, words) for kind, words in parts if words.strip())
    return f'<!doctype html><html><body style="font-family:sans-serif;max-width:40em">{shown}</body></html>'


def _element(kind: str, words: str) -> str:
    match kind:
        case "title":
            return f"<h2>{html.escape(words)}</h2>"
        case "code":
            return f'<pre style="background:#f4f4f4;padding:1em;white-space:pre-wrap">{html.escape(words)}</pre>'
        case "link":
            label, _, address = words.partition("\n")
            return f'<p><a href="{html.escape(address)}">{html.escape(label)}</a></p>'
        case _:
            return f"<p>{html.escape(words)}</p>"
