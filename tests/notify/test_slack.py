"""Slack shows what would run, takes answers, and says what became of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from holdfast.config import SlackSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify.inbound.reading import Wanted
from holdfast.notify.people import People, Person
from holdfast.notify.slack import Slack
from tests.notify.deliveries import APPROVAL, CLOSED, NOTICE, card, outgoing
from tests.notify.http_server import Reply, serving
from tests.notify.slack_server import TOKEN, SlackServer, texts

ADA = Person(name="Ada", groups=frozenset({"lead"}), slack="U1")
BOB = Person(name="Bob", slack="U2")


def workspace(story: Callable[[SlackServer, Slack], Awaitable[None]], *, token: str = TOKEN, channel: str = "C1"):
    """Run a story against a workspace."""

    async def told() -> None:
        async with serving(SlackServer()) as server:
            assert isinstance(server, SlackServer)
            settings = SlackSettings.model_validate(
                {"token": token, "signing_secret": "s", "channel": channel, "base_url": server.url}
            )
            slack = Slack(settings, people=People([ADA, BOB]))
            try:
                await story(server, slack)
            finally:
                await slack.close()

    asyncio.run(told())


def buttons(message: dict[str, object]) -> list[str]:
    """The labels one can press."""
    blocks = message["blocks"]
    assert isinstance(blocks, list)
    return [e["text"]["text"] for block in blocks if block["type"] == "actions" for e in block["elements"]]


def test_a_question_shows_what_would_run():
    """The message has the question, the reason, the arguments and a button for each answer."""

    async def story(server: SlackServer, slack: Slack) -> None:
        ref = await slack.send(outgoing())
        assert ref is not None
        message = server.messages[json.loads(ref)["ts"]]
        seen = "\n".join(texts(message["blocks"]))
        assert all(words in seen for words in ("May support run refund?", "above 100", '"amount": "120.00"'))
        assert buttons(message) == ["Approve", "Edit", "Reject"]

    workspace(story)


def test_the_group_that_is_asked_is_notified():
    """Who is in the group is mentioned; nobody else is."""

    async def story(server: SlackServer, slack: Slack) -> None:
        await slack.send(outgoing(card(group="lead")))
        seen = "\n".join(texts(server.messages.popitem()[1]["blocks"]))
        assert "<@U1>" in seen
        assert "<@U2>" not in seen

    workspace(story)


def test_words_of_a_model_are_never_markup():
    """A question that tries to notify everybody, or to look like our own words, stays plain text."""

    async def story(server: SlackServer, slack: Slack) -> None:
        trap = "<!channel> *approved by Ada* <https://evil.example|Open in the console>"
        await slack.send(outgoing(card(question=trap, reason=trap, arguments={"note": f"```{trap}"}, link=None)))
        message = server.messages.popitem()[1]
        assert "<!channel>" not in message["text"]
        markup = [b["text"]["text"] for b in message["blocks"] if b.get("text", {}).get("type") == "mrkdwn"]
        assert markup == []

    workspace(story)


def test_long_arguments_fit_into_slacks_limits():
    """Arguments are shown over several blocks of 3,000 characters, whole; an edit that would not fit is not offered."""

    async def story(server: SlackServer, slack: Slack) -> None:
        await slack.send(outgoing(card(arguments={"text": "ä" * 5_000}, reason="r" * 9_000, question="q" * 900)))
        message = server.messages.popitem()[1]
        assert "ä" * 2_000 in "".join(texts(message["blocks"]))
        assert buttons(message) == ["Approve", "Reject"]

    workspace(story)


def test_nobody_approves_what_was_not_shown():
    """Arguments beyond what a message holds can be rejected here, and approved where all of them are to be seen."""

    async def story(server: SlackServer, slack: Slack) -> None:
        await slack.send(outgoing(card(arguments={"text": "x" * 50_000})))
        message = server.messages.popitem()[1]
        assert buttons(message) == ["Reject"]
        assert any(f"/approvals/{APPROVAL}" in text for text in texts(message["blocks"]))

    workspace(story)


def test_a_message_that_slack_finds_too_long_comes_in_brief():
    """How Slack counts is its own affair: the question arrives, without arguments and so without a yes."""

    async def story(server: SlackServer, slack: Slack) -> None:
        server.next.append(Reply({"ok": False, "error": "msg_blocks_too_long"}))
        ref = await slack.send(outgoing())
        message = server.messages[json.loads(ref or "")["ts"]]
        assert buttons(message) == ["Reject"]
        assert any("Too long to show here" in text for text in texts(message["blocks"]))

    workspace(story)


def test_a_decision_takes_the_buttons_away():
    """When any surface decides, the message says who and when, and cannot be pressed any more."""

    async def story(server: SlackServer, slack: Slack) -> None:
        ref = await slack.send(outgoing())
        assert ref is not None
        await slack.update(ref, CLOSED)
        message = server.messages.popitem()[1]
        assert "Approved by Ada at <!date^1767263520^{time}|10:32 UTC>" in "".join(texts(message["blocks"]))
        assert buttons(message) == []

    workspace(story)


def test_an_update_of_a_deleted_message_is_done():
    """A message that somebody deleted cannot be out of date."""

    async def story(server: SlackServer, slack: Slack) -> None:
        await slack.update('{"channel": "C1", "ts": "1.0"}', CLOSED)
        assert server.messages == {}

    workspace(story)


def test_an_alert_is_posted():
    """Alerts come as title and body, without buttons."""

    async def story(server: SlackServer, slack: Slack) -> None:
        await slack.send(outgoing(NOTICE))
        message = server.messages.popitem()[1]
        assert "Global budget at 80 %" in texts(message["blocks"])
        assert buttons(message) == []

    workspace(story)


def test_a_message_whose_fate_is_unknown_is_looked_for_first():
    """The connection breaks after Slack took the message: the next attempt finds it and posts nothing."""

    async def story(server: SlackServer, slack: Slack) -> None:
        server.next.append(Reply(cut=True))
        with pytest.raises(DeliveryFailed) as failed:
            await slack.send(outgoing(attempts=1))
        assert not failed.value.permanent
        ref = await slack.send(outgoing(attempts=2))
        assert list(server.messages) == [json.loads(ref or "{}")["ts"]]

    workspace(story)


def test_without_the_scope_to_look_it_is_sent_again():
    """A message that comes twice beats one that does not come."""

    async def story(server: SlackServer, slack: Slack) -> None:
        server.may_look = False
        assert await slack.send(outgoing(attempts=2))
        assert len(server.messages) == 1

    workspace(story)


def test_a_rate_limit_says_how_long_to_wait():
    """429 with Retry-After is told as such."""

    async def story(server: SlackServer, slack: Slack) -> None:
        server.next.append(Reply({"ok": False, "error": "ratelimited"}, status=429, headers={"retry-after": "30"}))
        with pytest.raises(DeliveryFailed) as failed:
            await slack.send(outgoing())
        assert failed.value.retry_after_s == 30

    workspace(story)


@pytest.mark.parametrize(("error", "permanent"), [("invalid_metadata_format", True), ("channel_not_found", False)])
def test_only_what_nobody_can_set_right_is_permanent(error: str, permanent: bool):
    """A bot that was not invited yet is tried again; what is malformed will be malformed tomorrow."""

    async def story(server: SlackServer, slack: Slack) -> None:
        server.next.append(Reply({"ok": False, "error": error}))
        with pytest.raises(DeliveryFailed, match=error) as failed:
            await slack.send(outgoing())
        assert failed.value.permanent is permanent

    workspace(story)


def test_a_refused_token_is_not_in_the_message():
    """Errors name what Slack said, never the token."""

    async def story(server: SlackServer, slack: Slack) -> None:
        with pytest.raises(DeliveryFailed, match="invalid_auth") as failed:
            await slack.send(outgoing())
        assert "xoxb" not in str(failed.value)
        assert "xoxb" not in repr(slack.__dict__)

    workspace(story, token="xoxb-wrong")


@pytest.mark.parametrize("reply", [Reply(status=500), Reply("not an object"), Reply({"ok": False})])
def test_nonsense_from_slack_is_a_failure(reply: Reply):
    """Whatever is not a clear yes is tried again."""

    async def story(server: SlackServer, slack: Slack) -> None:
        server.next.append(reply)
        with pytest.raises(DeliveryFailed):
            await slack.send(outgoing())

    workspace(story)


def test_edit_opens_a_modal_with_the_arguments():
    """The arguments are there to be edited as JSON, and the modal knows what it is about."""

    async def story(server: SlackServer, slack: Slack) -> None:
        wanted = Wanted(
            channel="slack", identity="U1", approval_id=APPROVAL, answer="approve", asks="edit", reply_to="trigger"
        )
        await slack.ask(wanted, arguments={"amount": "120.00"})
        view = server.views[0]
        assert json.loads(view["blocks"][0]["element"]["initial_value"]) == {"amount": "120.00"}
        assert json.loads(view["private_metadata"]) == {"approval": APPROVAL, "answer": "approve", "asks": "edit"}

    workspace(story)


def test_a_reply_is_seen_by_the_person_only():
    """Who pressed too late is told so, and the message stays."""

    async def story(server: SlackServer, slack: Slack) -> None:
        await slack.reply(f"{server.url}/respond", "already decided: <approved> by Ada")
        assert server.told[0]["response_type"] == "ephemeral"
        assert server.told[0]["text"] == "already decided: &lt;approved&gt; by Ada"

    workspace(story)


def test_replies_go_to_slack_only():
    """An address elsewhere is not called, whoever signed it."""

    async def story(server: SlackServer, slack: Slack) -> None:
        with pytest.raises(DeliveryFailed, match="not Slack's"):
            await slack.reply("https://hooks.slack.com.evil.example/x", "hello")

    workspace(story)
