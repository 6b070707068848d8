"""What people post: texts of a form, bounded."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from holdfast.errors import UsageError

_MOST_FIELDS: Final = 1_100


class Posted:
    """The fields of a form."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str, default: str = "") -> str:
        """A field without the blanks around it; browsers send line ends as two characters."""
        return self._fields.get(name, [default])[0].replace("\r\n", "\n").strip()

    def optional(self, name: str) -> str | None:
        """The same; `None` for nothing."""
        return self.text(name) or None

    def all(self, name: str) -> list[str]:
        """Every value of a field that stands there several times, each once."""
        return list(dict.fromkeys(self._fields.get(name, [])))

    def number(self, name: str, default: str = "") -> Decimal:
        """A field as a number.

        Raises:
            UsageError: It is none.
        """
        given = self.text(name, default)
        try:
            number = Decimal(given.replace(",", "").removeprefix("$"))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise UsageError(f"{name.replace('_', ' ')}: {given!r} is no number")
        return number


async def posted(request: Request) -> Posted:
    """The form that was sent; files are none of ours."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.setdefault(name, []).append(value)
    return Posted(fields)


Form = Annotated[Posted, Depends(posted)]
