"""What the log of commands must hold: each command of each prospect, in order, with the same bytes however often it was sent."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tests.chaos.model.checker import Claim

EXECUTOR_OF = {
    "add_tags": "tags",
    "remove_tags": "tags",
    "adjust_score": "score",
    "change_field_value": "fields",
    "assign_owner": "owner",
    "add_to_list": "lists",
    "remove_from_list": "lists",
    "convert_to_lead": "leads",
    "send_email": "email",
    "notify_user": "notify",
    "create_crm_task": "tasks",
    "fire_webhook": "webhook",
    "execute_lambda": "lambda",
}
"""Whose topic an action's commands go to."""


@dataclass
class Sent:
    """Commands as they were first seen: by executor and prospect, in the order of the log. `changed` came again with other bytes."""

    first: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    digests: dict[str, bytes] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def note(self, executor: str, prospect_id: str, command_id: str, digest: bytes) -> None:
        """Take one record of a commands topic."""
        known = self.digests.setdefault(command_id, digest)
        if known != digest:
            self.changed.add(command_id)
        if known is digest:
            self.first[executor][prospect_id].append(command_id)


def differences(claim: Claim, sent: Sent) -> Iterator[str]:
    """Return how the log differs from what the clients' log says: I2, I4, I5 and I6."""
    wanted = _wanted(claim)
    for command_id in sorted(sent.changed):
        yield f"I4 command {command_id} was sent again with other bytes"
    for executor in sorted(wanted.keys() | sent.first.keys()):
        owners = claim.logs.keys() - set(claim.erased)  # others may be sent again, with the bytes that they had
        yield from _of_one(executor, owners, wanted.get(executor, {}), sent.first.get(executor, {}))


def _wanted(claim: Claim) -> Mapping[str, Mapping[str, list[str]]]:
    wanted: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for owner, _, outcome in claim.outcomes:
        wanted[EXECUTOR_OF[outcome.command.type]][owner].append(outcome.command.id)
    return wanted


def _of_one(
    executor: str, owners: AbstractSet[str], wanted: Mapping[str, Sequence[str]], seen: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for owner in sorted(owners & (wanted.keys() | seen.keys())):
        expected, found = list(wanted.get(owner, ())), list(seen.get(owner, ()))
        for command_id in sorted(set(expected) - set(found)):
            yield f"I5 {executor}: command {command_id} of {owner} was never sent"
        for command_id in sorted(set(found) - set(expected)):
            yield f"I2 {executor}: command {command_id} of {owner} was sent and nobody asked for it"
        if sorted(expected) == sorted(found) and expected != found:
            yield f"I6 {executor}: commands of {owner} were sent as {found}, expected {expected}"
