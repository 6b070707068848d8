"""Mail carries the question and links of one's own, and arrives once for each person."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from holdfast.config import EmailSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify.email import Email
from holdfast.notify.inbound import links
from holdfast.notify.people import People, Person
from holdfast.testing.clock import START
from holdfast.types import Delivery
from tests.notify.deliveries import APPROVAL, CLOSED, NOTICE, card, outgoing
from tests.notify.smtp_server import SmtpServer, mailing

KEY = SecretStr("k" * 32)


def post_office(story: Callable[[SmtpServer, Email], Awaitable[None]], **changes: object) -> None:
    """Run a story against a mail server."""

    async def told() -> None:
        async with mailing(SmtpServer()) as server:
            settings = EmailSettings.model_validate(
                {
                    "host": "127.0.0.1",
                    "port": server.port,
                    "sender": "Holdfast <holdfast@corp.example>",
                    "starttls": False,
                    **changes,
                }
            )
            people = People(
                [
                    Person(name="Ada", email="ada@corp.example", groups=frozenset({"lead"})),
                    Person(name="Bob"),
                    Person(name="Cem", email="cem@corp.example"),
                ]
            )
            await story(server, Email(settings, people=people, public_url="https://h.example", link_key=KEY))

    asyncio.run(told())


def bodies(server: SmtpServer) -> tuple[str, str]:
    """The last mail as text and as HTML."""
    return text_of(server.mails[-1]), text_of(server.mails[-1], "html")


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """One of a mail's two bodies."""
    body = mail.get_body((kind,))
    assert body
    return body.get_content()


def test_a_question_comes_with_a_link_for_each_answer():
    """Text and HTML show what would run, and lead to the person's own page."""

    async def story(server: SmtpServer, email: Email) -> None:
        await email.send(outgoing(channel="email", to="Ada"))
        assert server.mails[0]["To"] == "ada@corp.example"
        assert server.mails[0]["Subject"] == "May support run refund?"
        for body in bodies(server):
            assert "amount" in body
            assert "https://h.example/answer/" in body
            assert "?answer=approve" in body

    post_office(story)


def test_the_link_is_the_persons_own_and_ends_with_the_question():
    """It is bound to the approval, the person and the question's end."""

    async def story(server: SmtpServer, email: Email) -> None:
        await email.send(outgoing(channel="email", to="Ada"))
        link = next(word for word in bodies(server)[0].split() if "/answer/" in word)
        invitation = links.opened(urlsplit(link).path.removeprefix("/answer/"), key=KEY, now=START)
        assert (invitation.approval_id, invitation.person) == (APPROVAL, "Ada")
        assert invitation.expires_at == START + timedelta(days=7)

    post_office(story)


def test_a_list_gets_no_links_to_answer_by():
    """An address that is nobody's in particular cannot answer for anybody."""

    async def story(server: SmtpServer, email: Email) -> None:
        await email.send(outgoing(channel="email", to="team@corp.example"))
        assert server.mails[0]["To"] == "team@corp.example"
        assert not any("/answer/" in body for body in bodies(server))

    post_office(story)


def test_a_second_attempt_is_the_same_mail():
    """The connection breaks after the server took it: the next attempt has the same Message-ID and the same words."""

    async def story(server: SmtpServer, email: Email) -> None:
        server.cut_after_data = True
        with pytest.raises(DeliveryFailed):
            await email.send(outgoing(channel="email", to="Ada", attempts=1))
        server.cut_after_data = False
        await email.send(outgoing(channel="email", to="Ada", attempts=2))
        first, second = server.mails
        assert first["Message-ID"] == second["Message-ID"]
        assert first["Message-ID"].endswith("@corp.example>")
        assert text_of(first) == text_of(second)

    post_office(story)


def test_a_mail_cannot_be_broken_into():
    """Line breaks in a question make no header, tags in it no HTML."""

    async def story(server: SmtpServer, email: Email) -> None:
        trap = "Yes?\r\nBcc: eve@evil.example\n<script>alert(1)</script>"
        await email.send(outgoing(card(question=trap, reason=trap), channel="email", to="Ada"))
        assert server.mails[0]["Bcc"] is None
        assert "<script>" not in bodies(server)[1]

    post_office(story)


@pytest.mark.parametrize(("code", "permanent"), [(550, True), (451, False)])
def test_an_address_that_does_not_exist_is_given_up(code: int, permanent: bool):
    """550 is for ever; 451 is for now."""

    async def story(server: SmtpServer, email: Email) -> None:
        server.refused["ada@corp.example"] = code
        with pytest.raises(DeliveryFailed) as failed:
            await email.send(outgoing(channel="email", to="Ada"))
        assert failed.value.permanent is permanent

    post_office(story)


def test_a_server_without_encryption_gets_nothing():
    """With `starttls`, which is the default, nothing is said in the clear."""

    async def story(server: SmtpServer, email: Email) -> None:
        with pytest.raises(DeliveryFailed):
            await email.send(outgoing(channel="email", to="Ada"))
        assert server.mails == []

    post_office(story, starttls=True)


def test_a_server_that_is_not_there_is_tried_again():
    """Nobody listens: not delivered, and not for ever."""

    async def story(server: SmtpServer, email: Email) -> None:
        with pytest.raises(DeliveryFailed) as failed:
            await email.send(outgoing(channel="email", to="Ada"))
        assert not failed.value.permanent

    post_office(story, port=1)


def test_a_person_without_an_address_is_named():
    """Somebody took the address away: the error says what to set."""

    async def story(server: SmtpServer, email: Email) -> None:
        with pytest.raises(DeliveryFailed, match=r"people\.Bob\.email"):
            await email.send(outgoing(channel="email", to="Bob"))

    post_office(story)


@pytest.mark.parametrize("delivery", [NOTICE, CLOSED])
def test_alerts_and_ends_have_nothing_to_answer(delivery: Delivery):
    """They come without links to answer by."""

    async def story(server: SmtpServer, email: Email) -> None:
        await email.send(outgoing(delivery, channel="email", to="Ada"))
        assert not any("/answer/" in body for body in bodies(server))

    post_office(story)


def test_everybody_who_is_asked_gets_a_mail_of_their_own():
    """A row for a group is one mail to each member, and one to the list."""

    async def story(server: SmtpServer, email: Email) -> None:
        await email.send(outgoing(card(group="lead"), channel="email"))
        await email.send(outgoing(channel="email", id="out-2"))
        assert [mail["To"] for mail in server.mails] == [
            "ada@corp.example", "team@corp.example", "ada@corp.example", "cem@corp.example", "team@corp.example"
        ]  # fmt: skip

    post_office(story, to="team@corp.example")


def test_one_full_mailbox_does_not_send_the_others_again():
    """Cem's mail is tried again, Ada has hers."""

    async def story(server: SmtpServer, email: Email) -> None:
        server.refused["cem@corp.example"] = 452
        with pytest.raises(DeliveryFailed) as failed:
            await email.send(outgoing(channel="email"))
        assert not failed.value.permanent
        del server.refused["cem@corp.example"]
        await email.send(outgoing(channel="email", attempts=2))
        assert [mail["To"] for mail in server.mails] == ["ada@corp.example", "cem@corp.example"]

    post_office(story)
