"""The result of a ticket: what the customer is told and what was done for it."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Action = Literal["answered", "refunded", "address_updated", "email_sent", "declined"]


class Resolution(BaseModel):
    """How a ticket ended. Actions name only what tools have confirmed."""

    model_config = ConfigDict(frozen=True)

    answer: str = Field(description="The reply to the customer, in the customer's language.")
    actions: tuple[Action, ...] = Field(description="What was really done, in order; 'answered' if nothing else.")
    order_id: str | None = Field(default=None, description="The order it was about, if any.")
    refunded: Decimal = Field(default=Decimal(0), ge=0, description="Euros given back by the refund tool.")
    confidence: Annotated[float, Field(ge=0, le=1)] = Field(
        description="How sure it is that this was what the customer wanted."
    )
