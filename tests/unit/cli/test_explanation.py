"""The account of an interaction as it is shown: whole ids, every reason, nothing that a terminal would obey."""

import io
from typing import Any

import pytest
from rich.console import Console

from services.cli.explanation import explanation

UID = "0a1b2c3d-0000-5000-8000-000000000001"
DERIVED = "0a1b2c3d-0000-5000-8000-000000000002"


def condition(**changes: Any) -> dict[str, Any]:
    said = {"field": "original.score", "operator": ">=", "expected": 10, "seen": 5, "result": False}
    return said | changes


def action(**changes: Any) -> dict[str, Any]:
    said = {"id": "hot", "name": "Mark as hot", "fired": False, "reason": "criteria", "conditions": [condition()]}
    return said | changes


def account(**changes: Any) -> dict[str, Any]:
    said = {
        "uid": UID,
        "status": "settled",
        "type": "redirect_link.clicked",
        "asset_id": "offer",
        "prospect_id": "7c1f0000-0000-4000-8000-000000000003",
        "time": "2026-01-31T12:00:00Z",
        "recordedtime": "2026-01-31T12:00:01Z",
        "depth": 0,
        "caused_by": None,
        "derived": [],
        "commands": [],
        "decision": {"version": 3, "reason": None, "actions": [action()]},
    }
    return said | changes


def shown(said: dict[str, Any], width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    for part in explanation(said):
        console.print(part)
    return out.getvalue()


def command(state: str, **outcome: Any) -> dict[str, Any]:
    empty = {"reason": None, "attempts": 1, "next_at": None, "error": None}
    return {"action_id": "warm", "type": "adjust_score", "outcome": {"state": state, **empty, **outcome}}


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_ids_stay_whole(width: int) -> None:
    text = shown(account(derived=[DERIVED], commands=[command("done")]), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert UID in text
    assert DERIVED in text


def test_a_condition_shows_its_operand_and_the_value_that_it_saw() -> None:
    assert "✗ original.score >= 10, saw 5" in shown(account(), 120)


def test_an_action_that_did_not_fire_says_why() -> None:
    assert "not fired: criteria" in shown(account())


def test_what_was_missing_is_nothing_and_texts_are_quoted() -> None:
    rules = [
        condition(operator="=", expected="x y", seen=None),
        condition(operator="notNull", expected=None, seen=["a"]),
    ]
    text = shown(account(decision={"version": 3, "reason": None, "actions": [action(conditions=rules)]}), 120)
    assert 'original.score = "x y", saw nothing' in text
    assert 'original.score notNull, saw ["a"]' in text


def test_a_comparison_with_before_shows_both() -> None:
    rules = [condition(operator="changed", expected=None, seen="new", before="old")]
    text = shown(account(decision={"version": 3, "reason": None, "actions": [action(conditions=rules)]}), 120)
    assert 'saw "new", before "old"' in text


def test_a_discarded_sequence_says_why() -> None:
    said = account(decision={"version": 3, "reason": "spam", "actions": []})
    assert "The whole sequence was discarded: spam" in shown(said)


@pytest.mark.parametrize(("status", "sentence"), [("accepted", "Not decided yet"), ("dead", "see its dead letter")])
def test_without_a_decision_it_says_so(status: str, sentence: str) -> None:
    said = account(status=status, decision=None, type=None, asset_id=None, prospect_id=None, time=None)
    assert sentence in shown(said)


def test_a_dead_command_shows_reason_error_and_attempts() -> None:
    text = shown(account(commands=[command("dead", reason="permanent", attempts=4, error="the owner is unknown")]), 120)
    for part in ("dead", "permanent", "the owner is unknown", "4"):
        assert part in text


def test_a_retried_command_shows_when_it_is_tried_next() -> None:
    assert "next attempt 2026-02-01T00:00:00Z" in shown(
        account(commands=[command("retrying", next_at="2026-02-01T00:00:00Z")]), 120
    )


def test_a_derived_interaction_names_what_caused_it() -> None:
    assert f"{DERIVED}, depth 2" in shown(account(depth=2, caused_by=DERIVED))


def test_values_from_outside_are_neither_markup_nor_control_characters() -> None:
    evil = "[bold]\x1b[2J\x9b31m\r"
    rules = [condition(seen=evil, expected=evil)]
    said = account(decision={"version": 3, "reason": None, "actions": [action(name=evil, conditions=rules)]})
    text = shown(said, 200)
    assert "[bold]" in text
    assert not {"\x1b", "\x9b", "\r"} & set(text)
