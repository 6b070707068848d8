"""A small OpenID Connect provider on this machine: it lets in whomever the test says."""

import asyncio
import base64
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "holdfast", "s" * 40
ADA = {"sub": "1", "email": "ada@example.com", "email_verified": True, "groups": ["ops"]}


@dataclass
class Provider:
    """Where it is, whom it lets in, and how it may lie."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: dict(ADA))
    lies: dict[str, Any] = field(default_factory=dict)
    """Claims of its tokens that are other than they should be."""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "1"}))
    signs_with: ECKey | None = None
    codes: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    async def describe(self, _: Request) -> Response:
        named = {"authorization_endpoint": "/go", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return JSONResponse({"issuer": self.url, **{name: self.url + path for name, path in named.items()}})

    async def keys(self, _: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def go(self, request: Request) -> Response:
        """Where people would log in: it asks for nothing."""
        asked = parse_qs(request.url.query)
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri'][0]}?code={code}&state={asked['state'][0]}")

    async def token(self, request: Request) -> Response:
        form, asked = await request.form(), None
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") == f"Basic {basic}":
            asked = self.codes.pop(str(form["code"]), None)
        proof = base64.urlsafe_b64encode(sha256(str(form.get("code_verifier", "")).encode()).digest()).decode()
        if asked is None or proof.rstrip("=") != asked["code_challenge"][0]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"][0]}
        key = self.signs_with or self.key
        signed = jwt.encode({"alg": "ES256", "kid": key.kid}, {**claims, **self.person, **self.lies}, key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})


class Running:
    """It, on a thread."""

    def __init__(self) -> None:
        self.provider = Provider()
        here = self.provider
        routes = [
            Route("/.well-known/openid-configuration", here.describe),
            Route("/keys", here.keys),
            Route("/go", here.go),
            Route("/token", here.token, methods=["POST"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off")
        self._server, self._up = uvicorn.Server(config), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._up.wait(10)

    async def _serve(self) -> None:
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0.005)
        self.provider.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self._up.set()
        await serving

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
