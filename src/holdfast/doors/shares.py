"""Commands about who gets how much of the workers."""

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, note, table
from holdfast.types import Share, ShareScope


async def shares(*, common: Common = COMMON) -> int:
    """List who gets how much of the workers; everybody else has weight 1 and no limit.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found = (await app.control.look()).shares
    if common.json:
        for share in found:
            emit(share)
        return exits.OK
    if not found:
        note("no shares: users take turns; holdfast share set NAME --scope user --limit 10")
        return exits.OK
    rows = [
        [one.name, _whose(one), str(one.weight or 1), f"{one.limit:,}" if one.limit else "any number"] for one in found
    ]
    draw(table(["share", "for", "weight", "at once"], rows, widest="share"))
    return exits.OK


async def share_set(  # noqa: PLR0913 - one per option
    name: str,
    /,
    *,
    scope: ShareScope,
    subject: str | None = None,
    weight: int | None = None,
    limit: int | None = None,
    why: str = "",
    common: Common = COMMON,
) -> int:
    """Say how much of the workers somebody gets, or change the share of that name.

    Args:
        name: What to call it.
        scope: user, agent or global.
        subject: Which user or agent. Default: each.
        weight: Executions that a turn lasts, where others wait too. Default: 1.
        limit: Executions running at once, in the whole fleet. Default: any number.
        why: For the record.
        common: What every command takes.
    """
    given = Share(name=name, scope=scope, subject=subject, weight=weight, limit=limit)
    async with looking(common) as app:
        await app.control.set_share(given, by=os_user(), why=why)
    at_once = f"at most {limit:,} at once" if limit else "any number at once"
    return exits.done(
        f"share {name} is in force for {_whose(given)}: weight {weight or 1}, {at_once}", given, as_json=common.json
    )


async def share_drop(name: str, /, *, why: str = "", common: Common = COMMON) -> int:
    """Take a share away.

    Args:
        name: The share.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.drop_share(name, by=os_user(), why=why)
    return exits.done(f"share {name} is gone", {"dropped": name}, as_json=common.json)


def _whose(one: Share) -> str:
    return one.subject or ("all together" if one.scope == "global" else f"each {one.scope}")
