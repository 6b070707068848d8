"""The one place that knows the A2A library: its messages as JSON, checked, and its errors."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from a2a.types import a2a_pb2 as kinds
from a2a.utils import proto_utils
from a2a.utils.error_handlers import build_error_details, build_rest_error_payload
from a2a.utils.errors import (
    JSON_RPC_ERROR_CODE_MAP,
    A2AError,
    ContentTypeNotSupportedError,
    InternalError,
    InvalidParamsError,
    InvalidRequestError,
    JSONParseError,
    MethodNotFoundError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
    VersionNotSupportedError,
)
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.datastructures import QueryParams

from holdfast.errors import HoldfastError, IdempotencyConflict, IllegalTransition, NotFound, UsageError

Data: TypeAlias = dict[str, Any]
"""A message of the protocol as ProtoJSON: names in camel case, enums by name, absent fields left out."""

__all__ = [
    "A2AError",
    "ContentTypeNotSupportedError",
    "Data",
    "InternalError",
    "InvalidParamsError",
    "InvalidRequestError",
    "JSONParseError",
    "MethodNotFoundError",
    "TaskNotCancelableError",
    "TaskNotFoundError",
    "UnsupportedOperationError",
    "kinds",
]

VERSION_HEADER: Final = "a2a-version"
MEDIA_TYPE: Final = "application/a2a+json"
"""The protocol's own media type; clients that do not name it get plain JSON."""
_BEFORE_HEADERS: Final = "0.3"
"""What a client speaks that does not say."""


def parsed(kind: type[Message], given: object) -> Data:
    """A request of that kind, without fields that nobody knows.

    Raises:
        InvalidParamsError: It is none; the message says what is wrong with it.
    """
    if not isinstance(given, Mapping):
        raise InvalidParamsError(f"give the parameters as an object: {kind.__name__}")
    message = kind()
    try:
        proto_utils.parse_lenient(dict(cast("Mapping[str, Any]", given)), message)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidParamsError(str(error)) from error
    return _checked(message)


def parsed_query(kind: type[Message], query: QueryParams) -> Data:
    """The same out of a query.

    Raises:
        InvalidParamsError: It is none.
    """
    message = kind()
    try:
        proto_utils.parse_params(query, message)
    except (json_format.ParseError, ValueError, TypeError) as error:
        raise InvalidParamsError(str(error)) from error
    return json_format.MessageToDict(message)


def needed(asked: Data, name: str) -> str:
    """A name that has to be given.

    Raises:
        InvalidParamsError: It is not.
    """
    given = asked.get(name)
    if not isinstance(given, str) or not given:
        raise InvalidParamsError(f"{name} is missing")
    return given


def _checked(message: Message) -> Data:
    proto_utils.validate_proto_required_fields(message)
    return json_format.MessageToDict(message)


def refuse_other_media(content_type: str | None) -> None:
    """Refuse a body that is said to be something else than JSON.

    Raises:
        ContentTypeNotSupportedError: It is.
    """
    given = (content_type or MEDIA_TYPE).partition(";")[0].strip().lower()
    if given not in {"application/json", MEDIA_TYPE}:
        raise ContentTypeNotSupportedError(f"{given} is not read here: send application/json")


def refuse_other_version(version: str | None) -> None:
    """Refuse what speaks another major version of the protocol.

    Raises:
        VersionNotSupportedError: It does.
    """
    spoken = version or _BEFORE_HEADERS
    if spoken.partition(".")[0] != "1":
        raise VersionNotSupportedError(f"A2A {spoken} is not spoken here: send the header A2A-Version: 1.0")


def translated(error: HoldfastError) -> A2AError | None:
    """An error of ours in the protocol's words; `None`: it is HTTP's to tell."""
    match error:
        case NotFound():
            return TaskNotFoundError(str(error))
        case IllegalTransition():
            return UnsupportedOperationError(str(error))
        case UsageError() | IdempotencyConflict():
            return InvalidParamsError(str(error))
        case _:
            return None


def rpc_error(error: A2AError) -> Data:
    """As JSON-RPC tells it."""
    code = JSON_RPC_ERROR_CODE_MAP.get(type(error), -32603)
    return {"code": code, "message": str(error), "data": build_error_details(error)}


def rest_error(error: A2AError) -> tuple[int, Data]:
    """As HTTP tells it: the status, and the body."""
    told = build_rest_error_payload(error)
    if isinstance(error, ContentTypeNotSupportedError):
        told["error"]["code"] = 415
    return int(told["error"]["code"]), told
