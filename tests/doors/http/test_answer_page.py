"""The page behind a mail's link: looking decides nothing, sending decides once, and it works without JavaScript."""

from tests.doors.http.conftest import Door


def test_looking_decides_nothing_and_shows_exactly_what_would_run(at_door):
    """Programs open the links of mails before people do."""

    async def story(door: Door) -> None:
        shown = await door.http.get(f"{door.link()}?answer=approve")
        assert shown.status_code == 200
        assert "&#34;amount&#34;: 120" in shown.text
        assert 'value="approve" required checked' in shown.text
        assert (await door.now()).status == "open"

    at_door(story)


def test_the_page_keeps_to_itself(at_door):
    """No script may run, nobody may frame it, no other site learns its address, no cache keeps it."""

    async def story(door: Door) -> None:
        headers = (await door.http.get(door.link())).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"

    at_door(story)


def test_a_page_has_no_script_and_no_inline_style(at_door):
    """What the policy forbids is not there."""

    async def story(door: Door) -> None:
        text = (await door.http.get(door.link())).text
        assert "<script" not in text
        assert "style=" not in text
        assert (await door.http.get("/static/holdfast.css")).headers["content-type"].startswith("text/css")

    at_door(story)


def test_sending_decides_and_a_reload_only_looks(at_door):
    """The browser is sent to the page as it stands then."""

    async def story(door: Door) -> None:
        sent = await door.http.post(door.link(), data={"choice": "approve", "note": "fine"})
        assert sent.status_code == 303
        now = await door.now()
        assert (now.status, now.decided_by, now.note) == ("approved", "Ada", "fine")
        assert "Approved by Ada" in (await door.http.get(door.link())).text

    at_door(story)


def test_the_same_answer_again_is_refused_and_recorded(at_door):
    """A recorded post is worth nothing."""

    async def story(door: Door) -> None:
        await door.http.post(door.link(), data={"choice": "approve"})
        again = await door.http.post(door.link(), data={"choice": "approve"})
        assert (again.status_code, "given before" in again.text) == (403, True)
        assert await door.record() == ["replayed"]

    at_door(story)


def test_who_comes_second_is_told_who_was_first(at_door):
    """Bob's own link says what Ada decided."""

    async def story(door: Door) -> None:
        await door.http.post(door.link("Ada"), data={"choice": "reject", "note": "no"})
        late = await door.http.post(door.link("Bob"), data={"choice": "approve"})
        assert (late.status_code, "lready decided: rejected by Ada" in late.text) == (409, True)
        assert (await door.now()).status == "rejected"

    at_door(story)


def test_an_edit_runs_with_what_was_written(at_door):
    """Checked against the tool; what does not fit is said, with what was written still there."""

    async def story(door: Door) -> None:
        wrong = await door.http.post(door.link(), data={"choice": "edit", "edit": "{amount: 1}"})
        assert (wrong.status_code, "not JSON" in wrong.text, "{amount: 1}" in wrong.text) == (422, True, True)
        assert (await door.http.post(door.link(), data={"choice": "edit", "edit": '{"amount": 80}'})).status_code == 303
        assert (await door.now()).edit == {"amount": 80}

    at_door(story)


def test_a_link_with_another_signature_is_refused_and_recorded(at_door):
    """Also one that is cut off."""

    async def story(door: Door) -> None:
        forged = door.link(key="g" * 40)
        assert (await door.http.get(forged)).status_code == 403
        assert (await door.http.post(forged, data={"choice": "approve"})).status_code == 403
        assert (await door.http.get("/answer/abc")).status_code == 403
        assert await door.record() == ["bad_signature", "malformed"]
        assert (await door.now()).status == "open"

    at_door(story)


def test_a_post_from_another_site_is_refused(at_door):
    """Even with the link in hand."""

    async def story(door: Door) -> None:
        headers = {"sec-fetch-site": "cross-site"}
        sent = await door.http.post(door.link(), data={"choice": "approve"}, headers=headers)
        assert sent.status_code == 403
        assert (await door.now()).status == "open"

    at_door(story)


def test_somebody_who_is_gone_cannot_answer(at_door):
    """A link outlives its person's place in the configuration; it is worth nothing then."""

    async def story(door: Door) -> None:
        assert (await door.http.get(door.link("Carol"))).status_code == 403
        assert await door.record() == ["unknown_person"]

    at_door(story)


def test_an_answer_must_be_chosen(at_door):
    """Nothing is taken for a yes."""

    async def story(door: Door) -> None:
        sent = await door.http.post(door.link(), data={"note": "hm"})
        assert (sent.status_code, "Choose an answer." in sent.text) == (422, True)
        assert (await door.now()).status == "open"

    at_door(story)


def test_what_an_agent_wrote_cannot_become_markup(at_door):
    """The page shows it as text."""

    async def story(door: Door) -> None:
        sent = await door.http.post(door.link(), data={"choice": "x", "note": "</textarea><b>hi"})
        assert "</textarea><b>hi" not in sent.text
        assert "&lt;/textarea&gt;&lt;b&gt;hi" in sent.text

    at_door(story)


def test_the_door_says_whether_it_is_well(at_door):
    """For load balancers."""

    async def story(door: Door) -> None:
        assert (await door.http.get("/healthz")).json()["status"] == "ok"
        assert (await door.http.post("/channels/slack", content=b"x")).status_code == 404  # not configured

    at_door(story)
