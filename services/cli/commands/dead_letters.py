"""`finish dead-letters`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from cyclopts import App, Parameter

from deploy.errors import DeployError
from services.cli.address import HERE, Where, find
from services.cli.api import PAGE_MAX, Api, Refused, connected
from services.cli.display import confirmed, note, progress, show, show_json
from services.cli.letters import PATH, UNFILTERED, Filter, details, listing, matching

app = App(name="dead-letters", help="What could not be carried out: look at it, replay it, delete it.")

Json = Annotated[bool, Parameter(help="One line of JSON per dead letter")]
Yes = Annotated[bool, Parameter(help="Do not ask")]


@app.command(name="list")
async def list_(
    *,
    chosen: Filter = UNFILTERED,
    limit: Annotated[int, Parameter(help="At most so many, 200 per page")] = 50,
    cursor: Annotated[str | None, Parameter(help="Where the last page said that the next one begins")] = None,
    json: Json = False,
    where: Where = HERE,
) -> int:
    """List dead letters, newest first."""
    left = limit
    async with connected(find(where)) as api:
        while left > 0:
            query = {**chosen.query(), "limit": str(min(left, PAGE_MAX)), **({"cursor": cursor} if cursor else {})}
            page = await api.console("GET", PATH, params=query)
            cursor, left = page["next"], left - len(page["items"])
            if json:
                for letter in page["items"]:
                    show_json(letter)
            elif page["items"]:
                show(listing(page["items"]))
            if cursor is None:
                break
    if not json and left == limit:
        show("no dead letters")
    if cursor is not None:
        note(f"more: --cursor {cursor}")
    return 0


@app.command(name="show")
async def show_one(
    letter: Annotated[UUID, Parameter(help="Its id")], /, *, json: Json = False, where: Where = HERE
) -> int:
    """Show all that is known of one dead letter."""
    async with connected(find(where)) as api:
        found = await api.console("GET", f"{PATH}/{letter}")
    if json:
        show_json(found)
    else:
        show(*details(found))
    return 0


@app.command
async def replay(
    *letters: Annotated[UUID, Parameter(help="Ids; none: those that the filter chooses")],
    chosen: Filter = UNFILTERED,
    yes: Yes = False,
    where: Where = HERE,
) -> int:
    """Carry out again what is dead: one, some, or all that a filter chooses."""
    return await _do(Deed("replay", "replayed"), letters, chosen, where, yes=yes)


@app.command
async def delete(
    *letters: Annotated[UUID, Parameter(help="Ids; none: those that the filter chooses")],
    chosen: Filter = UNFILTERED,
    yes: Yes = False,
    where: Where = HERE,
) -> int:
    """Give up what is dead: one, some, or all that a filter chooses. What waits behind it ends suppressed."""
    return await _do(Deed("delete", "deleted"), letters, chosen, where, yes=yes)


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done with dead letters, as the API calls it."""

    verb: Literal["replay", "delete"]
    past: str

    async def one(self, api: Api, letter: UUID) -> None:
        """Do it with one."""
        if self.verb == "replay":
            await api.console("POST", f"{PATH}/{letter}/replay")
        else:
            await api.console("DELETE", f"{PATH}/{letter}")

    async def some(self, api: Api, chosen: Filter) -> tuple[int, bool]:
        """Do it with as many as one call does of those that match; return how many, and whether some are left."""
        if self.verb == "replay":
            answer = await api.console("POST", f"{PATH}/replay", chosen.query())
        else:
            answer = await api.console("DELETE", PATH, params=chosen.query())
        return answer[self.past], answer["left"]


async def _do(deed: Deed, letters: Sequence[UUID], chosen: Filter, where: Where, *, yes: bool) -> int:
    if bool(letters) == bool(chosen.query()):
        raise DeployError("say which ones: ids, or a filter")
    async with connected(find(where)) as api:
        if letters:
            return await _each(api, deed, letters, yes=yes)
        return await _matching(api, deed, chosen, yes=yes)


async def _each(api: Api, deed: Deed, letters: Sequence[UUID], *, yes: bool) -> int:
    if len(letters) > 1 and not confirmed(f"{deed.verb.capitalize()} {len(letters)} dead letters?", yes=yes):
        return 1
    refused = 0
    with progress(deed.past, len(letters)) as bar:
        for letter in letters:
            try:
                await deed.one(api, letter)
            except Refused as refusal:
                refused += 1
                note(f"error: {letter}: {refusal}")
            bar.advance()
    show(f"{len(letters) - refused} {deed.past}")
    return 1 if refused else 0


async def _matching(api: Api, deed: Deed, chosen: Filter, *, yes: bool) -> int:
    """Call until none is left, or as many are done as there were: what dies again meanwhile is not chased."""
    total = await matching(api, chosen)
    question = f"{deed.verb.capitalize()} {total} dead letters, {chosen.words()}?"
    if total and not confirmed(question, yes=yes):
        return 1
    done, left = 0, total > 0
    with progress(deed.past, total) as bar:
        while left and done < total:
            count, left = await deed.some(api, chosen)
            done += count
            bar.advance(count)
    show(f"{done} of {total} {deed.past}")
    return 0
