"""Which executions a rule prunes, page by page: read without a lock, and looked at again when they go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Integer, and_, case, func, literal, or_, select, tuple_

from holdfast.trail.reader import as_stored, rows, sure
from holdfast.trail.schema import events, executions, tool_calls
from holdfast.types import ENDED, TOLD_FROM, PruneRule

_C: Final = executions.c
_DEEPEST: Final = 100
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An execution that can go."""

    id: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """An execution with all that it started, they started, and so on."""

    head: str
    members: Sequence[Member]
    """The youngest generation first, the head last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what a rule prunes, in the order in which it ended."""

    families: Sequence[Family]
    spared: int
    """Executions that fit the rule and stay, for the sake of a living thread."""
    last: tuple[datetime, str] | None
    """The last head that was looked at; `None`: there are no more."""


def page(connection: Connection, *, rule: PruneRule, after: tuple[datetime, str] | None, limit: int) -> Page:
    """The next families after that head."""
    heads = _heads(connection, rule, after, limit)
    if not heads:
        return Page(families=(), spared=0, last=None)
    last = sure(heads[-1]["completed_at"]), str(heads[-1]["id"])
    found = _members(connection, [row["id"] for row in heads])
    over = [row for row in heads if all(_is_over(one, rule) for one in found[row["id"]])]
    told = _told(connection, rule, [one for row in over for one in found[row["id"]]])
    families: list[Family] = []
    spared = 0
    for row in over:
        members = [one for one in found[row["id"]] if not (rule.keep_audit and one["pruned_at"])]
        if any(one["id"] in told for one in members):
            spared += len(members)
        else:
            going = [Member(id=one["id"], events=one["last_seq"]) for one in members]
            families.append(Family(head=row["id"], members=going))
    return Page(families=families, spared=spared, last=last)


def warm(connection: Connection, *, ids: Sequence[str]) -> None:
    """Read what a batch is about to take away.

    Who writes to a file keeps everybody else from writing: what has to come from the disk had better be there then.
    """
    if connection.dialect.name != "sqlite":
        return
    for table, text in ((events, events.c.data), (tool_calls, tool_calls.c.tool_output)):
        for start in range(0, len(ids), _AT_ONCE):
            some = table.c.execution_id.in_(ids[start : start + _AT_ONCE])
            connection.execute(select(func.sum(func.length(text))).where(some)).all()


def _heads(
    connection: Connection, rule: PruneRule, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    query = select(_C.id, _C.completed_at).where(
        _C.completed_at.is_not(None),
        _C.completed_at < as_stored(connection, rule.before),
        _C.parent_id.is_(None),
        _C.status.in_(rule.statuses or sorted(ENDED)),
    )
    if rule.keep_audit:
        query = query.where(_C.pruned_at.is_(None))
    if rule.agents:
        query = query.where(_C.agent_type.in_(rule.agents))
    if after is not None:
        behind = tuple_(literal(as_stored(connection, after[0]), _C.completed_at.type), literal(after[1]))
        query = query.where(tuple_(_C.completed_at, _C.id) > behind)
    return rows(connection, query.order_by(_C.completed_at, _C.id).limit(limit))


def _members(connection: Connection, heads: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """Each family, the youngest generation first."""
    below = (
        select(_C.id.label("head"), _C.id.label("id"), literal(0, Integer).label("depth"))
        .where(_C.id.in_(heads))
        .cte("below", recursive=True)
    )
    child = executions.alias("child")
    below = below.union_all(
        select(below.c.head, child.c.id, below.c.depth + 1).where(
            child.c.parent_id == below.c.id, child.c.parent_id.is_not(None), below.c.depth < _DEEPEST
        )
    )
    wanted = (_C.id, _C.status, _C.completed_at, _C.last_seq, _C.thread_id, _C.pruned_at)
    query = select(below.c.head, below.c.depth, *wanted).join_from(below, executions, _C.id == below.c.id)
    found: dict[str, list[Mapping[str, Any]]] = {head: [] for head in heads}
    for row in rows(connection, query.order_by(below.c.depth.desc(), _C.id)):
        found[row["head"]].append(row)
    return found


def _is_over(member: Mapping[str, Any], rule: PruneRule) -> bool:
    ended = member["completed_at"]
    if member["depth"] >= _DEEPEST:
        return False  # what it has started, nobody has looked at
    return member["status"] in ENDED and ended is not None and sure(ended) < rule.before


def _told(connection: Connection, rule: PruneRule, members: Sequence[Mapping[str, Any]]) -> set[str]:
    """Those whose words a new execution on a living thread would be told.

    A thread lives while something on it goes on, or ended after the rule's time. What has not ended yet may have begun
    long ago, and be told all that was before it: beside such a one everything stays.
    """
    threads = sorted({one["thread_id"] for one in members if one["thread_id"] is not None})
    if not threads:
        return set()
    lives = or_(_C.completed_at.is_(None), _C.completed_at >= as_stored(connection, rule.before))
    ranked = (
        select(
            _C.id,
            func.row_number()
            .over(partition_by=_C.thread_id, order_by=(_C.created_at.desc(), _C.id.desc()))
            .label("place"),
            func.max(case((lives, 1), else_=0)).over(partition_by=_C.thread_id).label("lives"),
            func.max(case((_C.completed_at.is_(None), 1), else_=0)).over(partition_by=_C.thread_id).label("goes_on"),
        )
        .where(_C.thread_id.in_(threads))
        .subquery()
    )
    r = ranked.c
    stays = and_(r.lives == 1, or_(r.place <= TOLD_FROM, r.goes_on == 1))
    return {row["id"] for row in rows(connection, select(r.id).where(stays))}
