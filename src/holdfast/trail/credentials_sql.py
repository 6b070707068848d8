"""The statements over credentials, for both databases."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from holdfast.trail.controls.sql import Run
from holdfast.trail.requests import Badge, Issue, Touch, Withdraw

COLUMNS: Final = (
    "id", "kind", "name", "role", "user_id", "agents", "hash", "parent_id", "created_at", "created_by", "expires_at",
)  # fmt: skip
Became: TypeAlias = Literal["changed", "known", "nothing"]
"""Of a request: it was done now, it was done before, or there is nothing that it could be done to."""


@dataclass(frozen=True, slots=True)
class Statements:
    """One database's wording."""

    known: str
    insert: str
    use_link: str
    withdraw: str
    touch: str
    forget: str


def _worded(mark: str, at: str, *, json: str, lock: str) -> Statements:
    values = ", ".join(at if name.endswith("_at") else json if name == "agents" else mark for name in COLUMNS)
    return Statements(
        known=f"SELECT id FROM agent_credentials WHERE id = {mark}",  # noqa: S608 - constants, here and below
        insert=f"INSERT INTO agent_credentials ({', '.join(COLUMNS)}) VALUES ({values})",  # noqa: S608
        use_link=f"""
            UPDATE agent_credentials SET revoked_at = {at}, last_used_at = {at}
            WHERE id = {mark} AND kind = 'link' AND revoked_at IS NULL AND expires_at > {at} RETURNING id
        """,  # noqa: S608
        withdraw=f"""
            UPDATE agent_credentials SET revoked_at = {at} WHERE id = {mark} AND revoked_at IS NULL RETURNING id
        """,  # noqa: S608
        touch=f"UPDATE agent_credentials SET last_used_at = {at} WHERE id = {mark} RETURNING id",  # noqa: S608
        forget=f"""
            DELETE FROM agent_credentials WHERE id IN (
                SELECT id FROM agent_credentials WHERE kind IN ('link', 'session') AND expires_at < {at}
                LIMIT 100 {lock})
        """,  # noqa: S608
    )


SQLITE: Final = _worded("?", "?", json="?", lock="")
POSTGRES: Final = _worded("%s", "%s::timestamptz", json="%s::jsonb", lock="FOR UPDATE SKIP LOCKED")


def serve(run: Run, sql: Statements, asked: Badge) -> Became:
    """Do what is asked. Done twice, as after a commit of unknown outcome, it is done once."""
    match asked:
        case Issue():
            return _issue(run, sql, asked)
        case Withdraw():
            if run(sql.withdraw, (asked.at, asked.id)).fetchall():
                return "changed"
            return "known" if run(sql.known, (asked.id,)).fetchall() else "nothing"
        case Touch():
            return "changed" if run(sql.touch, (asked.at, asked.id)).fetchall() else "nothing"


def _issue(run: Run, sql: Statements, asked: Issue) -> Became:
    if run(sql.known, (asked.row[0],)).fetchall():
        return "known"
    if asked.uses and not run(sql.use_link, (asked.at, asked.at, asked.uses, asked.at)).fetchall():
        return "nothing"
    run(sql.insert, asked.row)
    run(sql.forget, (asked.forget_before,))
    return "changed"
