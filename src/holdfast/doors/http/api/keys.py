"""Keys: who may come in, and as what."""

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import Asked, Id, Name, Until
from holdfast.doors.http.api.routes import Administering, app_of, noun
from holdfast.doors.http.api.shapes import ANSWER, page, shape
from holdfast.types import Key, Role

router = noun("keys")


@router.get(
    "/keys",
    operation_id="list_keys",
    summary="List keys",
    responses={200: {"model": page(shape(Key))}} | problems(*ALWAYS),
)
async def listed(request: Request, _: Administering) -> Response:
    """Oldest first, also those that are over; no secret is among them."""
    return answer({"items": await app_of(request).access.keys(), "next": None})


class KeyRequest(Asked):
    """What a key may do."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "shop", "role": "runner", "agents": ["support"]}]}
    )

    name: Name
    """Stands on the record for what is done with it."""
    role: Role
    user: Name | None = None
    """Whose executions it starts and sees. Default: everybody's; a runner's own."""
    agents: list[Name] = Field(default_factory=list[str], max_length=50)
    """Which agents it reaches. Default: all."""
    expires_at: Until | None = None
    """From when on it is good for nothing. Default: never."""


class NewKey(BaseModel):
    """A key, and its secret."""

    model_config = ANSWER | ConfigDict(use_attribute_docstrings=True)

    key: shape(Key)  # pyright: ignore[reportInvalidTypeForm] - made from the type
    secret: str = Field(examples=["hf_019aa0e27f6a7c11b2c50d8a3f5e9b41_..."])
    """Sent as `Authorization: Bearer ...`. It is given once: only its hash is kept."""


@router.post(
    "/keys",
    status_code=201,
    operation_id="create_key",
    summary="Make a key",
    responses={201: {"model": NewKey}} | problems(*CHANGES),
)
async def create(request: Request, caller: Administering, body: KeyRequest) -> Response:
    """Its secret is in this answer and nowhere else."""
    key, secret = await app_of(request).access.create_key(
        body.name, role=body.role, user=body.user, agents=body.agents, expires_at=body.expires_at, by=caller.name
    )
    return answer({"key": key, "secret": secret}, 201, {"cache-control": "no-store"})


@router.delete(
    "/keys/{id}",
    operation_id="revoke_key",
    summary="Revoke a key",
    responses={200: {"model": shape(Key)}} | problems(*ALWAYS, 409),
)
async def revoke(request: Request, caller: Administering, id: Id) -> Response:  # noqa: A002 - the word of the domain
    """And the sessions that came from it. Every server heeds it within two seconds."""
    return answer(await app_of(request).access.revoke_key(id, by=caller.name))
