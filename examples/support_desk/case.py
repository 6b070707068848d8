"""What is known about a ticket so far: the writer, the words, and what the shop has answered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar, get_args

from reading import EMAIL, Reading, find_order_ids, read_ticket
from records import Customer, Nothing, Order, Passage, Record, Tracking
from words import Language

from holdfast.types import Call, CallRecord, Conversation, Json

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A ticket and every call made for it. Everything else is worked out from these two."""

    conversation: Conversation

    @cached_property
    def reading(self) -> Reading:
        reading = read_ticket(self.conversation.input)
        # A number and nothing else, "1042???", is a question where it is; looking is harmless.
        if not reading.wishes and reading.order_ids and len(reading.text) < 60:
            return replace(reading, wishes=frozenset({"track"}))
        return reading

    @property
    def vouched(self) -> bool:
        """Whether the door knows who wrote."""
        return self.conversation.user is not None

    @property
    def writer(self) -> str | None:
        """E-mail address of the writer; a ticket's own word for it is good enough to look, not to act."""
        asked = self.conversation.input
        claimed = asked.get("from") if isinstance(asked, Mapping) else None
        writer = self.conversation.user or str(claimed or "")
        return writer if EMAIL.fullmatch(writer) else None

    @cached_property
    def language(self) -> Language:
        """The language to answer in: the ticket's, else the customer's, else English."""
        if self.reading.language:
            return self.reading.language
        known = self.customer.language if self.customer else "en"
        return next((language for language in get_args(Language) if language == known), "en")

    @cached_property
    def customer(self) -> Customer | None:
        return self.answer(Customer, "find_customer") if self.writer else None

    @cached_property
    def found_orders(self) -> tuple[Order, ...]:
        """Orders of the writer that were named in the ticket and looked up."""
        found = (self.answer(Order, "find_order", order_id=order_id) for order_id in self.reading.order_ids)
        return tuple(order for order in found if order)

    @cached_property
    def order_ids_in_notes(self) -> tuple[str, ...]:
        """Order numbers said earlier in the thread or by a colleague, the newest first."""
        numbers = (number for note in reversed(self.conversation.notes) for number in find_order_ids(note))
        return tuple(dict.fromkeys(numbers))

    def order(self, order_id: str) -> Order | None:
        return self.answer(Order, "find_order", order_id=order_id)

    def tracking(self, order_id: str) -> Tracking | None:
        return self.answer(Tracking, "track_shipment", order_id=order_id)

    def passages(self, question: str) -> tuple[Passage, ...]:
        record = self.record("search_policy", question=question)
        if record is None or record.status != "completed" or not isinstance(record.result, list | tuple):
            return ()
        return tuple(Passage.model_validate(passage) for passage in record.result)

    def forbidden(self, order_id: str) -> bool:
        """Whether this number is somebody else's order."""
        nothing = self.answer(Nothing, "find_order", order_id=order_id)
        return nothing is not None and nothing.why == "not_the_writers"

    def answer(self, kind: type[RecordT], tool: str, **arguments: Json) -> RecordT | None:
        """A completed call's result, if it is of this kind."""
        record = self.record(tool, **arguments)
        if record is None or record.status != "completed" or not isinstance(record.result, Mapping):
            return None
        if bool(record.result.get("found", True)) == issubclass(kind, Nothing):
            return None
        return kind.model_validate(record.result)

    def record(self, tool: str, **arguments: Json) -> CallRecord | None:
        """The newest call of a tool with these arguments among its arguments."""
        return next(
            (
                record
                for record in reversed(self.conversation.calls)
                if record.tool == tool and all(record.arguments.get(key) == arguments[key] for key in arguments)
            ),
            None,
        )

    def records(self, tool: str) -> list[CallRecord]:
        """All calls of a tool, in order."""
        return [record for record in self.conversation.calls if record.tool == tool]

    def not_yet(self, call: Call) -> bool:
        """Whether a read has not been tried."""
        return self.record(call.tool, **{key: str(value) for key, value in call.args.items()}) is None
