"""One POST to a service over HTTP, with everything that can go wrong told as `DeliveryFailed`."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from holdfast.errors import DeliveryFailed
from holdfast.types import Json

_LARGEST_BYTES: Final = 4_000_000
_LONGEST_WAIT_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a service said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Mapping[str, Json]:
        """The body as a JSON object; empty when it is none."""
        try:
            said: Json = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, Mapping) else {}


class Service:
    """A service that is reached over HTTP. Opens connections on first use.

    Args:
        name: What people call it, for messages.
        timeout_s: Seconds without progress until an attempt counts as failed. Default: 15.
    """

    def __init__(self, name: str, *, timeout_s: float = 15) -> None:
        self._name, self._timeout_s = name, timeout_s
        self._client: httpx2.AsyncClient | None = None

    async def post(self, url: str, *, content: bytes, headers: Mapping[str, str]) -> Response:
        """The service's answer, whatever it is, unless it asks to come again.

        Raises:
            DeliveryFailed: It could not be reached, broke off, is in trouble (5xx), or wants fewer requests (429).
        """
        if self._client is None:
            # A redirect would carry the message, and perhaps its keys, to where nobody agreed to.
            self._client = httpx2.AsyncClient(timeout=self._timeout_s, follow_redirects=False)
        try:
            async with self._client.stream("POST", url, content=content, headers=dict(headers)) as stream:
                body = await self._read(stream)
                response = Response(status=stream.status_code, headers=stream.headers, body=body)
        except (httpx2.RequestError, httpx2.InvalidURL, OSError) as error:
            # The message of such an error may hold the address, and the address a token.
            raise DeliveryFailed(f"{self._name} could not be reached: {type(error).__name__}") from None
        if response.status == 429 or response.status >= 500:
            raise DeliveryFailed(f"{self._name} answered {response.status}", retry_after_s=retry_after(response))
        return response

    async def close(self) -> None:
        """Let go of connections; the next `post` opens them again."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _read(self, response: httpx2.Response) -> bytes:
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LARGEST_BYTES:
                raise DeliveryFailed(f"{self._name} answered with more than 4 MB")
        return body


def retry_after(response: Response) -> float | None:
    """Seconds that a service asks to wait, at most a day; `None`: it does not say. Telegram says it in the body."""
    parameters = response.json().get("parameters")
    in_body = parameters.get("retry_after") if isinstance(parameters, Mapping) else None
    given = response.headers.get("retry-after", "").strip() or str(in_body or "")
    if not given:
        return None
    try:
        wait_s = float(given)
    except ValueError:
        wait_s = _until(given)
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S) if math.isfinite(wait_s) else None


def _until(date: str) -> float:
    try:
        return (parsedate_to_datetime(date).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return 0.0
