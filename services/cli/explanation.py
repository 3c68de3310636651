"""Why an interaction did what it did: the console's account of it, as tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from services.cli.display import state, table, text

_ACTION_WIDTH_MAX: Final = 36

Account = Mapping[str, Any]


def explanation(account: Account) -> Iterator[RenderableType]:
    """Yield what there is to say, from what happened to what came of it."""
    yield _heading(account)
    decision = account["decision"]
    if decision is None:
        yield text("\nNot decided yet." if account["status"] == "accepted" else "\nNever decided: see its dead letter.")
    elif decision["reason"]:
        yield Text.assemble("\nThe whole sequence was discarded: ", (decision["reason"], "yellow"))
    if decision and decision["actions"]:
        yield from ("", _actions(decision["actions"]))
    if account["commands"]:
        yield from ("", _commands(account["commands"]))
    if account["derived"]:
        yield from ("", _derived(account["derived"]))


def _heading(account: Account) -> RenderableType:
    decision = account["decision"] or {}
    version = f", version {decision['version']} of its list" if decision else ""
    caused_by = (
        f"{account['caused_by'] or 'a change of the record'}, depth {account['depth']}" if account["depth"] else None
    )
    lines = {
        "interaction": text(account["uid"]),
        "what": text(account["type"], "bold"),
        "status": state(account["status"]),
        "asset": text(f"{account['asset_id']}{version}") if account["asset_id"] else None,
        "prospect": text(account["prospect_id"]),
        "happened": text(account["time"]),
        "accepted": text(account["recordedtime"]),
        "caused by": text(caused_by),
    }
    grid = table("", "", header=False)
    for name, value in lines.items():
        if value:
            grid.add_row(text(name, "dim"), value)
    return grid


def _actions(actions: Sequence[Account]) -> RenderableType:
    made = table("action", "conditions")
    made.columns[0].max_width = _ACTION_WIDTH_MAX
    for action in actions:
        result = state("fired") if action["fired"] else text(f"not fired: {action['reason']}", "yellow")
        names = Text("\n").join([text(action["name"], "bold"), result, text(action["id"], "dim")])
        made.add_row(names, Text("\n").join(_condition(condition) for condition in action["conditions"]))
    return made


def _condition(condition: Account) -> Text:
    mark = text("\N{CHECK MARK} ", "green") if condition["result"] else text("\N{BALLOT X} ", "red")
    seen = [("saw", condition["seen"]), *([("before", condition["before"])] if "before" in condition else [])]
    saw = ", ".join(f"{word} {_value(value)}" for word, value in seen)
    expected = "" if condition["expected"] is None else f" {_value(condition['expected'])}"
    return mark + text(f"{condition['field']} {condition['operator']}{expected}") + text(f", {saw}", "dim")


def _value(value: Any) -> str:
    return "nothing" if value is None else f'"{value}"' if isinstance(value, str) else text(value).plain


def _commands(commands: Sequence[Account]) -> RenderableType:
    made = table("command of", "type", "outcome", "attempts", "because")
    for command in commands:
        outcome = command["outcome"]
        because = [outcome["reason"], outcome["error"], outcome["next_at"] and f"next attempt {outcome['next_at']}"]
        made.add_row(
            text(command["action_id"]),
            text(command["type"]),
            state(outcome["state"]),
            text(outcome["attempts"]),
            text("\n".join(filter(None, because))),
        )
    return made


def _derived(uids: Sequence[str]) -> RenderableType:
    made = table("what its effects set off")
    for uid in uids:
        made.add_row(text(uid))
    return made
