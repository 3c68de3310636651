"""Every way in which a workspace can be wrong is a sentence, and a right one is none."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from deploy.demo.differences import differences, unexplained
from deploy.demo.observation import Observed
from tests.chaos.model.expectation import Expected, ExpectedCommand, ExpectedInteraction
from tests.chaos.model.log import record

VALUES: dict[str, Any] = {
    "score": 5,
    "tags": ["Hot"],
    "owner": "ana",
    "fields": {"city": "Bonn", "seen": "2026-01-01T00:00:00.000Z"},
}
CLICK = ExpectedInteraction(
    "uid-1",
    "redirect_link.clicked",
    "link",
    version=2,
    depth=0,
    commands=(
        ExpectedCommand("command-1", "plus", "adjust_score", "done"),
        ExpectedCommand("command-2", "mail", "send_email", None),
    ),
    not_fired={"off": "disabled"},
)
EXPECTED = Expected(record(VALUES), (CLICK,), duplicates=0)


def observed() -> Observed:
    entry = {
        "uid": "uid-1",
        "type": "redirect_link.clicked",
        "asset_id": "link",
        "depth": 0,
        "status": "settled",
        "derived": [],
        "decision": {"version": 2, "reason": None},
        "commands": [
            {"id": "command-1", "action_id": "plus", "outcome": {"state": "done"}},
            {"id": "command-2", "action_id": "mail", "outcome": {"state": "waiting"}},
        ],
    }
    return Observed(
        {"uid-1": entry}, deepcopy({**VALUES, "fields": {**VALUES["fields"], "seen": "2026-01-01T00:00:00Z"}})
    )


def test_what_is_as_expected_has_no_differences() -> None:
    assert list(differences(EXPECTED, observed())) == []


def _command(seen: Observed) -> dict[str, Any]:
    return dict(seen.timeline["uid-1"]["commands"][0])


PLANTED: dict[str, Callable[[Observed], Any]] = {
    "score is 6, expected 5": lambda seen: seen.record.update(score=6),
    "tags is ['hot'], expected ['Hot']": lambda seen: seen.record.update(tags=["hot"]),
    "field city is None, expected 'Bonn'": lambda seen: seen.record["fields"].pop("city"),
    "field more is 1, expected None": lambda seen: seen.record["fields"].update(more=1),
    "redirect_link.clicked uid-1 is missing (depth 0)": lambda seen: seen.timeline.clear(),
    "redirect_link.clicked uid-2 is there and should not be": lambda seen: seen.timeline.update(
        {"uid-2": seen.timeline["uid-1"]}
    ),
    "redirect_link.clicked uid-1 is accepted, not decided": lambda seen: seen.timeline["uid-1"].update(
        decision=None, status="accepted"
    ),
    "redirect_link.clicked uid-1: version is 1, expected 2": lambda seen: seen.timeline["uid-1"]["decision"].update(
        version=1
    ),
    "redirect_link.clicked uid-1: plus did not fire": lambda seen: seen.timeline["uid-1"]["commands"].pop(0),
    "redirect_link.clicked uid-1: plus ended dead, expected done": lambda seen: seen.timeline["uid-1"]["commands"][
        0
    ].update(outcome={"state": "dead"}),
    "redirect_link.clicked uid-1: plus fired and should not have": lambda seen: seen.timeline["uid-1"][
        "commands"
    ].append({**_command(seen), "id": "command-3"}),
}


@pytest.mark.parametrize("sentence", PLANTED)
def test_what_is_not_as_expected_is_told(sentence: str) -> None:
    seen = observed()
    PLANTED[sentence](seen)
    assert list(differences(EXPECTED, seen)) == [sentence]


def test_another_reason_for_not_firing_is_told() -> None:
    actions = [{"id": "off", "fired": False, "reason": "criteria"}, {"id": "plus", "fired": True, "reason": None}]
    (sentence,) = unexplained(CLICK, {"status": "settled", "decision": {"actions": actions}})
    assert sentence.endswith("did not fire because of {'off': 'criteria'}, expected {'off': 'disabled'}")
    assert list(unexplained(CLICK, {"status": "accepted", "decision": None})) == [
        "redirect_link.clicked uid-1 is not decided: accepted"
    ]
