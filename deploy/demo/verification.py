"""Holds the whole workspace to the independent model: every prospect's record, every interaction, every command once."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from deploy.demo.api import Api
from deploy.demo.differences import differences, unexplained
from deploy.demo.journal import Journal
from deploy.demo.observation import Observed, settled
from deploy.demo.screen import Phase
from tests.chaos.model.expectation import Expected, ExpectedInteraction

_SIDE_BY_SIDE: Final = 12
_EXPLAINED_MAX: Final = 60
"""So many interactions are asked why, action by action; all are compared by what fired."""


@dataclass(slots=True)
class Findings:
    """What was found. `differences` must be empty; `examples` are expected interactions worth showing."""

    differences: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    sent: dict[str, set[str]] = field(default_factory=lambda: {"send_email": set(), "fire_webhook": set()})
    """Ids of the commands that are done, of the types whose effect can be looked at."""
    interactions: int = 0
    cascades: int = 0
    duplicates: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    examples: dict[str, ExpectedInteraction] = field(default_factory=dict)

    def note(self, prospect_id: str, expected: Expected, observed: Observed) -> None:
        """Compare one prospect."""
        self.differences += [f"prospect {prospect_id}: {text}" for text in differences(expected, observed)]
        self.duplicates += expected.duplicates
        for interaction in expected.interactions:
            self.interactions += 1
            self.cascades += interaction.depth > 0
            self.discarded.update([interaction.reason] if interaction.reason else ())
            self.examples.setdefault(_kind(interaction), interaction)
        for entry in observed.timeline.values():
            self.outcomes.update(command["outcome"]["state"] for command in entry["commands"])
            for command in entry["commands"]:
                if command["type"] in self.sent and command["outcome"]["state"] == "done":
                    self.sent[command["type"]].add(command["id"])


async def verify(api: Api, journal: Journal, phase: Phase, deadline_s: float) -> Findings:
    """Wait until all is settled, for `deadline_s` at most, and compare."""
    findings = Findings()
    deadline = time.monotonic() + deadline_s
    told: list[ExpectedInteraction] = []
    waiting = iter(journal.prospects)

    async def compare() -> None:
        for prospect_id in waiting:
            observed = await settled(api, prospect_id, partial(journal.uids, prospect_id), deadline)
            expected = journal.expected(prospect_id, observed.recorded)
            findings.differences += journal.misdated(prospect_id, observed.recorded)
            findings.note(prospect_id, expected, observed)
            told.extend(expected.interactions)
            phase.advance()

    async with asyncio.TaskGroup() as group:
        for _ in range(_SIDE_BY_SIDE):
            group.create_task(compare())
    await _explanations(api, [*_sample(told), *journal.expected_anonymous()], findings)
    await _dead_letters(api, journal, findings)
    await _arrivals(api, findings)
    return findings


async def _explanations(api: Api, interactions: Sequence[ExpectedInteraction], findings: Findings) -> None:
    for interaction in interactions:
        explained = await api.console("GET", f"/interactions/{interaction.uid}")
        findings.differences += unexplained(interaction, explained)


async def _arrivals(api: Api, findings: Findings) -> None:
    """Look for every mail and webhook where it was sent to. What came is looked up by the command's id."""
    mails = [header for mail in await api.sink("/api/messages") for header in mail["headers"]]
    hooks = [hook["headers"].get("webhook-id") for hook in await api.sink("/api/hooks")]
    ids = [value.strip("<>").partition("@")[0] for name, value in mails if name.lower() == "message-id"]
    for kind, came in (("send_email", Counter(ids)), ("fire_webhook", Counter(hooks))):
        wrong = [command_id for command_id in findings.sent[kind] if came[command_id] != 1]
        findings.differences += [f"{kind} {command_id} arrived {came[command_id]} times" for command_id in wrong]


async def _dead_letters(api: Api, journal: Journal, findings: Findings) -> None:
    """Ours would name one of our prospects. Newest first: one page tells."""
    page: dict[str, Any] = await api.console("GET", "/dead-letters", params={"limit": "200"})
    for letter in page["items"]:
        if letter["prospect_id"] in journal.prospects:
            findings.differences.append(f"dead letter {letter['id']}: {letter['reason']}, {letter['error']}")


def _sample(interactions: Sequence[ExpectedInteraction]) -> Sequence[ExpectedInteraction]:
    step = max(1, len(interactions) // _EXPLAINED_MAX)
    return interactions[::step]


def _kind(interaction: ExpectedInteraction) -> str:
    if interaction.reason:
        return interaction.reason
    if interaction.depth:
        return "cascade" if interaction.commands else "other"
    return "fired" if "criteria" in interaction.not_fired.values() and interaction.commands else "other"
