"""`finish why`."""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from cyclopts import Parameter

from deploy.errors import DeployError
from services.cli.address import HERE, Where, find
from services.cli.api import NOT_FOUND, Api, Refused, connected
from services.cli.display import note, show, show_json
from services.cli.explanation import explanation

_UNDER_WAY: Final = ("accepted", "decided")


async def why(
    uid: Annotated[UUID, Parameter(help="The interaction: `finish send` and POST /v1/events tell it")],
    /,
    *,
    wait: Annotated[bool, Parameter(help="Wait until every command has ended")] = False,
    deadline: Annotated[float, Parameter(help="How long to wait, in seconds")] = 30.0,
    json: Annotated[bool, Parameter(help="The console's answer as it is")] = False,
    where: Where = HERE,
) -> int:
    """Explain an interaction: which actions fired or why not, what each condition saw, what came of it."""
    address = find(where)
    async with connected(address) as api:
        account = await _settled(api, uid, deadline, address.cli.poll_s) if wait else await _account(api, uid)
    if account is None:
        raise DeployError(f"the interaction {uid} is not known: was it accepted just now? --wait waits for it")
    if json:
        show_json(account)
    else:
        show(*explanation(account))
    if wait and account["status"] in _UNDER_WAY:
        note(f"error: not settled within {deadline:g} s")
        return 1
    return 0


async def _account(api: Api, uid: UUID) -> dict[str, Any] | None:
    try:
        return dict(await api.console("GET", f"/interactions/{uid}"))
    except Refused as refusal:
        if refusal.status == NOT_FOUND:
            return None
        raise


async def _settled(api: Api, uid: UUID, deadline_s: float, poll_s: float) -> dict[str, Any] | None:
    """Return the account when it is settled, or the last one when time is up."""
    account = None
    try:
        async with asyncio.timeout(deadline_s):
            while (account := await _account(api, uid)) is None or account["status"] in _UNDER_WAY:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(poll_s)
    except TimeoutError:
        pass
    return account
