"""People log in where they log in already; what the provider did not say about them is not believed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import ECKey

from holdfast.config import Settings
from holdfast.doors.http.oidc import Provider as OidcProvider
from holdfast.errors import UsageError
from tests.doors.http.security.conftest import Browser, Site, opened
from tests.doors.http.security.provider import ADA, CLIENT, SECRET, Provider, Running

WEB = httpx2.Client(verify=False)  # loading certificates takes longer than the request
ROLES = {"ops": "operator", "desk": "approver", "root": "admin"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    running = Running()
    yield running.provider
    running.end()


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.person, running.lies, running.signs_with = dict(ADA), {}, None
    return running


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, running: Provider) -> Iterator[Site]:
    oidc = {"issuer": running.url, "client_id": CLIENT, "client_secret": SECRET, "roles": ROLES, "label": "Example"}
    people = {"Ada": {"email": "Ada@example.com"}}
    database = shutil.copy(migrated_file, tmp_path_factory.mktemp("sso") / "trail.db")
    yield from opened(str(database), oidc=oidc, people=people)


def came_back(browser: Browser, *, onward: str = "/executions") -> httpx2.Response:
    """What the browser gets after it was at the provider."""
    sent = browser.get(f"/login/oidc?next={onward}")
    assert sent.status_code == 303, sent.text
    back = WEB.get(sent.headers["location"]).headers["location"]
    return browser.get(back, headers={"accept": "text/html", "sec-fetch-site": "cross-site"})


def test_who_the_provider_vouches_for_is_in(here: Site, provider: Provider) -> None:
    """They get the role of their group and the name that the configuration gives their address."""
    browser = here.browser()
    back = came_back(browser)
    assert back.status_code == 200
    assert 'content="0; url=/executions"' in back.text
    caller = here.run(here.app.access.caller_of_session(browser.session or ""))
    assert (caller.name, caller.role) == ("Ada", "operator")


def test_the_login_page_offers_it(here: Site, provider: Provider) -> None:
    """The button names the provider; a key works as well."""
    shown = here.browser().get("/login?next=/executions").text
    assert "Log in with Example" in shown
    assert 'href="/login/oidc?next=/executions"' in shown


def test_the_mightiest_of_several_roles_counts(here: Site, provider: Provider) -> None:
    """Somebody in two groups may do what either may."""
    provider.person["groups"] = ["desk", "root", "chess"]
    browser = here.browser()
    came_back(browser)
    assert here.run(here.app.access.caller_of_session(browser.session or "")).role == "admin"


def test_nobody_is_in_without_a_role(here: Site, provider: Provider) -> None:
    """To be known to the provider is not enough."""
    provider.person["groups"] = ["chess"]
    browser = here.browser()
    assert (came_back(browser).status_code, browser.session) == (403, None)


def test_an_address_counts_when_it_is_verified(here: Site, provider: Provider) -> None:
    """Whoever can write any address into their profile is not Ada."""
    provider.person["email_verified"] = False
    browser = here.browser()
    assert (came_back(browser).status_code, browser.session) == (403, None)


@pytest.mark.parametrize(
    "lie",
    [
        {"aud": "another-program"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "http://127.0.0.1:9"},
        {"nonce": "another-login"},
        {"exp": 1_700_000_000},
        {"sub": None},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_a_token_for_anything_else_is_refused(here: Site, provider: Provider, lie: dict[str, object]) -> None:
    """One for another program, from another provider, of another login, or from yesterday."""
    provider.lies = lie
    browser = here.browser()
    assert (came_back(browser).status_code, browser.session) == (403, None)


def test_a_token_that_another_key_signed_is_refused(here: Site, provider: Provider) -> None:
    """Also when it names the provider's key."""
    provider.signs_with = ECKey.generate_key("P-256", {"kid": "1"})
    browser = here.browser()
    assert (came_back(browser).status_code, browser.session) == (403, None)


def test_another_browser_cannot_end_a_login(here: Site, provider: Provider) -> None:
    """Somebody who is sent a half-finished login does not end up in the sender's session."""
    sent = here.browser().get("/login/oidc")
    back = WEB.get(sent.headers["location"]).headers["location"]
    victim = here.browser()
    assert (victim.get(back).status_code, victim.session) == (403, None)


def test_a_login_ends_once(here: Site, provider: Provider) -> None:
    """The way back, taken again, leads nowhere."""
    browser = here.browser()
    sent = browser.get("/login/oidc")
    back = WEB.get(sent.headers["location"]).headers["location"]
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 403


def test_an_altered_login_is_refused(here: Site, provider: Provider) -> None:
    """What travels in the browser's cookie is signed."""
    browser = here.browser()
    sent = browser.get("/login/oidc")
    back = WEB.get(sent.headers["location"]).headers["location"]
    kept = browser.cookies.get("holdfast_oidc") or ""
    browser.cookies.delete("holdfast_oidc")
    assert browser.get(back, headers={"accept": "text/html", "cookie": f"holdfast_oidc=x{kept[1:]}"}).status_code == 403


def test_the_way_out_is_on_the_record(here: Site, provider: Provider) -> None:
    """Who came in, and who vouched for them."""
    came_back(here.browser())
    entry = here.run(here.app.control.record())[-1]
    assert (entry.kind, entry.data["name"], entry.data["by"]) == ("session.opened", "Ada", provider.url)


def test_a_provider_that_is_away_is_said_on_the_login_page(here: Site, provider: Provider) -> None:
    """A key still works; what exactly is wrong stands in the log."""
    away = here.app.settings.oidc.model_copy(update={"issuer": "http://127.0.0.1:9"})
    here.application.state.oidc = OidcProvider(away)
    shown = here.browser().get("/login/oidc")
    here.application.state.oidc = None
    assert (shown.status_code, "could not vouch for you" in shown.text) == (502, True)


def test_what_the_provider_says_no_to_is_said(here: Site, provider: Provider) -> None:
    """In its own words, as text."""
    browser = here.browser()
    state = browser.get("/login/oidc").headers["location"].split("state=")[1].split("&")[0]
    said = {"state": state, "error": "access_denied", "error_description": "<b>not today</b>"}
    shown = browser.get("/login/oidc/callback", params=said)
    assert (shown.status_code, "&lt;b&gt;not today&lt;/b&gt;" in shown.text) == (403, True)


def test_without_a_provider_there_is_no_such_login(site: Site) -> None:
    """Nor a button for it."""
    assert site.browser().get("/login/oidc", headers={}).status_code == 404
    assert "/login/oidc" not in site.browser().get("/login").text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"issuer": "http://login.example.com"}, "give an https:// address"),
        ({"roles": {"ops": "god"}}, "'viewer', 'runner', 'approver', 'operator' or 'admin'"),
        ({"client_id": ""}, "at least 1 character"),
    ],
)
def test_a_provider_that_cannot_be_is_refused(given: dict[str, object], says: str) -> None:
    """With what would work, and without the secret."""
    usual = {"issuer": "https://login.example.com", "client_id": CLIENT, "client_secret": SECRET}
    with pytest.raises(UsageError, match=says) as refused:
        Settings.load(oidc=usual | given)
    assert SECRET not in str(refused.value)
