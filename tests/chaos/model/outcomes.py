"""How commands may end, those of outside actions too, and what must have come to the world outside for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.model.expectation import ExpectedCommand, ExpectedInteraction
from tests.chaos.model.log import Accepted, Consented, Definitions, ProspectLog

ARRIVES = {"fire_webhook": "webhook", "send_email": "mail", "execute_lambda": "function"}
"""Outside actions whose effect is seen elsewhere than in the database."""
WRONG = "/wrong"
"""The path of a webhook that is refused for good."""
MISSING = "wrong"
"""A function that does not exist."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The states of which a command must have one."""

    command: ExpectedCommand
    states: frozenset[str]


def outcomes(log: ProspectLog, interaction: ExpectedInteraction, definitions: Definitions) -> Iterator[Outcomes]:
    """Tell for each command of an interaction, in order: what comes behind a dead one is held, if it is an outside action."""
    saved = {action["id"]: action for action in definitions.at(interaction.asset_id, interaction.version).actions}
    held = False
    for command in interaction.commands:
        action = saved[command.action_id]
        if command.state is not None:
            states = frozenset({command.state})
            held = held or (command.state == "dead" and action.get("on_failure") != "continue")
        else:
            states = frozenset({"held"}) if held else _outside(log, interaction, action)
        yield Outcomes(command, states)


def _outside(log: ProspectLog, interaction: ExpectedInteraction, action: Mapping[str, Any]) -> frozenset[str]:
    if action["type"] == "send_email":
        return _mail(log, interaction)
    if action["type"] == "fire_webhook" and action["params"]["url"].endswith(WRONG):
        return frozenset({"dead"})
    if action["type"] == "execute_lambda" and action["params"]["function"] == MISSING:
        return frozenset({"dead"})
    return frozenset({"done"})


def _mail(log: ProspectLog, interaction: ExpectedInteraction) -> frozenset[str]:
    """Say how a mail ends: consent is looked at when it is sent, so one that was under way when it was lost is either."""
    lost = next((place for place, entry in enumerate(log.entries) if isinstance(entry, Consented)), None)
    if lost is None:
        return frozenset({"done", "uncertain"})
    asked = next(
        (place for place, one in enumerate(log.entries) if isinstance(one, Accepted) and one.uid == interaction.uid),
        lost,
    )
    return frozenset({"suppressed"}) if asked > lost else frozenset({"done", "uncertain", "suppressed"})
