"""Every route, every role: a route that is new has to say here who may use it."""

import re
from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from holdfast.policy.roles import POWERS
from holdfast.types import Power, Role
from tests.doors.http.here import ROLES
from tests.doors.http.security.conftest import Site

ANYONE = "anyone"
"""Without a key: what watches over the server, what people need to log in, and what proves itself otherwise."""

RULES: dict[str, Power | str] = {
    # Whether the server is well.
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
    "GET /metrics": "see",
    "GET /openapi.json": ANYONE,
    # The API.
    "POST /v1/executions": "run",
    "GET /v1/executions": "see",
    "GET /v1/executions/{id}": "see",
    "GET /v1/executions/{id}/events": "see",
    "GET /v1/executions/{id}/calls": "see",
    "GET /v1/executions/{id}/blobs/{digest}": "see",
    "POST /v1/executions/{id}/cancel": "run",
    "POST /v1/executions/{id}/retry": "operate",
    "POST /v1/executions/{id}/signals": "run",
    "POST /v1/executions/bulk": "run",
    "GET /v1/tool-calls": "see",
    "GET /v1/threads": "see",
    "GET /v1/threads/{id}": "see",
    "GET /v1/approvals": "see",
    "GET /v1/approvals/{id}": "see",
    "POST /v1/approvals/{id}/decide": "decide",
    "GET /v1/grants": "see",
    "GET /v1/grants/{id}": "see",
    "POST /v1/grants": "decide",
    "DELETE /v1/grants/{id}": "decide",
    "GET /v1/agents": "see",
    "GET /v1/agents/{name}": "see",
    "POST /v1/agents/{name}/pause": "operate",
    "POST /v1/agents/{name}/resume": "operate",
    "GET /v1/budgets": "see",
    "GET /v1/budgets/{name}": "see",
    "PUT /v1/budgets/{name}": "operate",
    "DELETE /v1/budgets/{name}": "operate",
    "POST /v1/budgets/{name}/top-up": "operate",
    "GET /v1/rates": "see",
    "PUT /v1/rates/{name}": "operate",
    "DELETE /v1/rates/{name}": "operate",
    "GET /v1/shares": "see",
    "PUT /v1/shares/{name}": "operate",
    "DELETE /v1/shares/{name}": "operate",
    "GET /v1/schedules": "see",
    "GET /v1/schedules/{name}": "see",
    "PUT /v1/schedules/{name}": "operate",
    "DELETE /v1/schedules/{name}": "operate",
    "POST /v1/schedules/{name}/pause": "operate",
    "POST /v1/schedules/{name}/resume": "operate",
    "POST /v1/schedules/{name}/run": "operate",
    "GET /v1/controls": "see",
    "POST /v1/controls/pause": "operate",
    "POST /v1/controls/resume": "operate",
    "GET /v1/breakers": "see",
    "POST /v1/breakers/{kind}/{name:path}/open": "operate",
    "POST /v1/breakers/{kind}/{name:path}/close": "operate",
    "GET /v1/costs": "see",
    "GET /v1/metrics/agents": "see",
    "GET /v1/alerts": "see",
    "GET /v1/audit": "see",
    "GET /v1/workers": "see",
    "GET /v1/workers/unserved": "see",
    "POST /v1/workers/{worker}/drain": "operate",
    "POST /v1/agents/{name}/unpin": "operate",
    "GET /v1/keys": "administer",
    "POST /v1/keys": "administer",
    "DELETE /v1/keys/{id}": "administer",
    # OpenAI Responses.
    "POST /v1/openai/responses": "run",
    "GET /v1/openai/responses/{response_id}": "see",
    "POST /v1/openai/responses/{response_id}/cancel": "run",
    "GET /v1/openai/responses/{response_id}/input_items": "see",
    "DELETE /v1/openai/responses/{response_id}": "see",
    "GET /v1/openai/models": "see",
    "GET /v1/openai/models/{model}": "see",
    # A2A. Starting, answering, cancelling and being told ask for more inside: see below.
    "GET /.well-known/agent-card.json": ANYONE,
    "GET /a2a/{agent}/.well-known/agent-card.json": ANYONE,
    "GET /a2a": "see",
    "POST /a2a/{agent}": "see",
    "POST /a2a/{agent}/": "see",
    "POST /a2a/{agent}/message:send": "see",
    "POST /a2a/{agent}/message:stream": "see",
    "GET /a2a/{agent}/extendedAgentCard": "see",
    "GET /a2a/{agent}/tasks": "see",
    "GET /a2a/{agent}/tasks/{task_id}": "see",
    "POST /a2a/{agent}/tasks/{task_id}:cancel": "run",
    "GET /a2a/{agent}/tasks/{task_id}:subscribe": "see",
    "POST /a2a/{agent}/tasks/{task_id}:subscribe": "see",
    "GET /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs": "see",
    "POST /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs": "see",
    "GET /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs/{name}": "see",
    "DELETE /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs/{name}": "run",
    # Signed by the service that posts.
    "POST /channels/slack": ANYONE,
    "POST /channels/telegram": ANYONE,
    "POST /channels/webhook": ANYONE,
    "POST /hooks/{name}": ANYONE,
    # The token in the address is the proof.
    "GET /answer/{token}": ANYONE,
    "POST /answer/{token}": ANYONE,
    # Before somebody is logged in.
    "GET /static/holdfast.css": ANYONE,
    "GET /static/{name:path}": ANYONE,
    "GET /login": ANYONE,
    "POST /login": ANYONE,
    "GET /login/oidc": ANYONE,
    "GET /login/oidc/callback": ANYONE,
    "GET /login/{token}": ANYONE,
    "POST /login/{token}": ANYONE,
    "POST /logout": ANYONE,
    # The console.
    "GET /": "see",
    "POST /theme": "see",
    "GET /executions": "see",
    "GET /executions/new": "run",
    "POST /executions": "run",
    "POST /executions/bulk": "run",
    "GET /executions/{id_}": "see",
    "GET /executions/{id_}/panel": "see",
    "GET /executions/{id_}/blobs/{digest}": "see",
    "POST /executions/{id_}/cancel": "run",
    "POST /executions/{id_}/retry": "operate",
    "GET /live/overview": "see",
    "GET /live/executions": "see",
    "GET /live/executions/{id_}": "see",
    "GET /live/approvals": "see",
    "GET /live/health": "see",
    "GET /approvals": "see",
    "GET /approvals/bulk": "decide",
    "POST /approvals/bulk": "decide",
    "GET /approvals/{approval_id}": "see",
    "POST /approvals/{approval_id}": "decide",
    "POST /approvals/{approval_id}/difference": "decide",
    "POST /approvals/{approval_id}/grant": "decide",
    "POST /approvals/grants/{grant_id}/revoke": "decide",
    "GET /agents": "see",
    "GET /agents/{name}": "see",
    "POST /agents/pause": "operate",
    "POST /agents/resume": "operate",
    "POST /agents/{name}/pause": "operate",
    "POST /agents/{name}/resume": "operate",
    "POST /agents/{name}/tools/{tool}/pause": "operate",
    "POST /agents/{name}/tools/{tool}/resume": "operate",
    "GET /schedules": "see",
    "POST /schedules/{name}/pause": "operate",
    "POST /schedules/{name}/resume": "operate",
    "POST /schedules/{name}/run": "operate",
    "GET /costs": "see",
    "POST /costs/budgets/{name}/top-up": "operate",
    "GET /health": "see",
    "POST /health/workers/drain": "operate",
    "POST /health/breakers/open": "operate",
    "POST /health/breakers/close": "operate",
    "POST /health/letters/{letter_id}/resend": "operate",
    "GET /settings": "see",
    "POST /settings/keys": "administer",
    "POST /settings/keys/{key_id}/revoke": "administer",
    "POST /settings/verify": "operate",
}
OF_ALL = {"GET /metrics"}
"""It adds up everybody's: a key that is bound to a user or agents, and so each runner's, does not see it."""
ASKED_INSIDE = {
    "GET /metrics",
    "POST /v1/openai/responses",
    "POST /a2a/{agent}/tasks/{task_id}:cancel",
    "DELETE /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs/{name}",
}
"""Who may is decided in the route: it depends on an option, or on what is asked."""
BODIES: dict[str, object] = {"POST /v1/openai/responses": {"model": "helper", "input": "hello", "background": True}}
PARTS = {"digest": "0" * 64, "kind": "model", "name": "nothing", "token": "nothing", "agent": "helper"}


def powers(dependant: Dependant) -> Iterator[Power]:
    """What `guard.needs` asks for on a route."""
    if power := getattr(dependant.call, "power", None):
        yield power
    for inner in dependant.dependencies:
        yield from powers(inner)


@pytest.fixture(scope="module")
def routes(site: Site) -> dict[str, set[Power]]:
    """Every route there is, and the powers that its guard asks for."""
    found: dict[str, set[Power]] = {}
    for route in iter_route_contexts(site.application.routes):
        dependant = getattr(route, "dependant", None)
        asked = set(powers(dependant)) if dependant is not None else set()
        for method in set(route.methods or ()) - {"HEAD"}:
            found[f"{method} {route.path}"] = asked
    return found


def test_every_route_says_who_may_use_it(routes: dict[str, set[Power]]) -> None:
    """A new one fails here until it has its rule, and one that went until its rule goes."""
    assert sorted(routes) == sorted(RULES)


def test_every_guard_asks_for_what_the_rule_says(routes: dict[str, set[Power]]) -> None:
    """In the declaration of the route, before anything of it runs."""
    expected = {name: set() if rule == ANYONE else {rule} for name, rule in RULES.items() if name not in ASKED_INSIDE}
    assert {name: routes[name] for name in expected if name in routes} == expected


def path_of(route: str) -> str:
    return re.sub(r"{(\w+)(:path)?}", lambda part: PARTS.get(part[1], "01a1ff67c2eb729582276804bde931ea"), route)


@pytest.mark.parametrize("role", [None, *ROLES])
def test_every_role_gets_what_it_may_and_nothing_else(site: Site, role: Role | None) -> None:
    """401 for nobody, 403 without the power; what else comes of an empty request is the route's own affair."""
    wrong: list[str] = []
    for route, rule in RULES.items():
        method, path = route.split(" ", 1)
        came = site.status(method, path_of(path), key=site.keys[role] if role else None, body=BODIES.get(route, {}))
        if rule == ANYONE:
            as_it_should = came not in {401, 500} or "login" in path
        elif role is None:
            as_it_should = came == 401
        elif rule in POWERS[role] and not (route in OF_ALL and role == "runner"):
            as_it_should = came not in {401, 403, 429, 500}
        else:
            as_it_should = came == 403
        if not as_it_should:
            wrong.append(f"{route} answers {came}")
    assert not wrong


def test_a_session_gets_what_its_key_may(site: Site) -> None:
    """A viewer's browser reads pages and changes nothing, even with the page's token."""
    browser = site.browser()
    browser.log_in(site.keys["viewer"])
    for route, rule in RULES.items():
        method, path = route.split(" ", 1)
        if method == "POST" and rule in {"run", "decide", "operate"} and not path.startswith(("/v1", "/a2a")):
            assert browser.post(path_of(path), {"csrf": browser.csrf}).status_code == 403, route
