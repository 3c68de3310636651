"""The machine record by record: what is refused, remembered, counted, and what a snapshot does."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from msgspec.structs import replace

from core.definitions import VersionUnknown
from core.limits import Limits
from core.records import Refused
from core.state import State, decode, encode
from core.step import Step, step
from core.values import Values
from schemas.commands.command import Command
from schemas.decisions import Decision
from tests.support.simulation import World, action_list, interaction

PROSPECT = str(UUID(int=7))
PLUS = {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 5}}


def _world(*actions: dict[str, Any], record: list[dict[str, Any]] | None = None, **more: Any) -> World:
    world = World(
        [action_list("link", "redirect_link", actions, **more), action_list("prospect", "prospect", record or [])]
    )
    world.create(PROSPECT, Values(score=5, owner="ann", fields={"city": "Bonn"}))
    return world


def _click(world: World, number: int = 1, **changes: Any) -> Step:
    world.accept(PROSPECT, number, **changes)
    return world.evaluate()[-1]


def _decision(result: Step, position: int = 0) -> dict[str, Any]:
    document = orjson.loads(result.decisions[position])
    Decision.model_validate(document)
    return dict(document)


def _command(result: Step, position: int = 0) -> dict[str, Any]:
    document = orjson.loads(result.commands[position].value)
    Command.model_validate(document)
    return dict(document)


def test_commands_and_decisions_have_the_form_of_their_contracts() -> None:
    result = _click(_world(PLUS, {"id": "call", "type": "fire_webhook", "params": {"url": "https://example.com/"}}))
    plus, call = _command(result), _command(result, 1)
    assert [command.executor for command in result.commands] == ["score", "webhook"]
    assert (plus["order"], call["order"]) == ((1 << 14) + 1, (1 << 14) + 2)
    assert call["after"] == {plus["id"]: "hold"}
    assert _decision(result)["fired"] == [0, 1]


def test_a_repeat_of_the_same_interaction_is_a_duplicate_and_fires_nothing() -> None:
    world = _world(PLUS)
    _click(world)
    again = _click(world)
    assert (again.outcome, again.commands, again.decisions) == ("duplicate", (), ())


@pytest.mark.parametrize(
    ("recordedtime", "outcome"), [("2026-11-30T09:59:59.999Z", "duplicate"), ("2026-11-30T10:00:00Z", "decided")]
)
def test_a_uid_is_forgotten_after_seven_days(recordedtime: str, outcome: str) -> None:
    world = _world(PLUS)
    _click(world)
    later = interaction(PROSPECT, 1, recordedtime=recordedtime)
    assert step(world.states[PROSPECT], PROSPECT.encode(), later, 9, world.definitions).outcome == outcome


def test_a_duplicate_is_no_attempt_of_the_spam_window() -> None:
    world = _world(PLUS)
    for _ in range(10):
        _click(world, 1, data={"ip": "203.0.113.7"})
    reasons = [_click(world, number, data={"ip": "203.0.113.7"}).outcome for number in (2, 3, 4, 5)]
    assert reasons == ["decided", "decided", "decided", "spam"]


@pytest.mark.parametrize("by_hand", [False, True], ids=["an executor", "the console"])
def test_the_clock_of_whoever_writes_the_record_moves_no_window(*, by_hand: bool) -> None:
    world = _world(PLUS, record=[{**PLUS, "id": "up", "trigger": "score_changed"}])
    outcomes = []
    for number in range(6):
        outcomes.append(_click(world, number, data={"ip": "203.0.113.7"}).outcome)
        row = world.rows[PROSPECT]
        row.recorded = "2026-11-23T11:00:00Z"
        if by_hand:
            row.change(replace(row.values, score=row.values.score + 1))
        else:
            world.carry_out("score", 1)
        world.evaluate()
    assert outcomes == ["decided"] * 4 + ["spam"] * 2


def test_a_change_by_a_clock_that_was_ahead_fires_once_and_is_forgotten_with_what_came_after_it() -> None:
    world = _world(record=[{**PLUS, "id": "up", "trigger": "updated"}])
    row = world.rows[PROSPECT]
    row.recorded = "2026-11-23T12:00:00Z"
    row.change(replace(row.values, fields={"city": "Rome"}))
    world.log.append(world.log[-1])
    assert [len(result.commands) for result in world.evaluate()] == [0, 1, 0]
    remembered = []
    for number, time in enumerate(["2026-11-23T10:00:00Z", "2026-11-30T11:59:59Z", "2026-11-30T12:00:00Z"]):
        _click(world, number, recordedtime=time)
        remembered.append(len(world.states[PROSPECT].uids))
    assert remembered == [2, 3, 2]


def test_unsubscribes_and_feeds_without_an_address_are_not_counted() -> None:
    world = _world(PLUS)
    unsubscribed = [
        _click(world, number, type="list_email.unsubscribed", data={"ip": "203.0.113.7"}) for number in range(8)
    ]
    bounced = [_click(world, number, type="list_email.bounced") for number in range(8, 16)]
    assert {result.outcome for result in (*unsubscribed, *bounced)} == {"decided"}


def test_submissions_of_an_address_count_together_whatever_the_form() -> None:
    world = _world()
    outcomes = [
        _click(
            world,
            number,
            type="form.submitted",
            subject=f"form-{number % 2}",
            actionlistversion=0,
            data={"ip": "203.0.113.7"},
        ).outcome
        for number in range(6)
    ]
    assert outcomes == ["decided"] * 4 + ["spam"] * 2


def test_submissions_that_the_form_endpoint_has_counted_are_not_counted_again() -> None:
    world = _world()
    submitted = {"type": "form.submitted", "subject": "form-1", "actionlistversion": 0, "source": "form:form-1"}
    outcomes = [_click(world, number, data={"ip": "203.0.113.7"}, **submitted).outcome for number in range(6)]
    assert outcomes == ["decided"] * 6


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "malformed"),
        (b"{", "malformed"),
        (b"[]", "malformed"),
        (interaction(PROSPECT, 1, type="redirect_link.hovered"), "unknown_type"),
        (interaction(PROSPECT, 1, type="prospect.created"), "unknown_type"),
        (interaction(PROSPECT, 1, dataschema="urn:finish:interaction:9"), "unknown_schema"),
        (interaction(PROSPECT, 1, recordedtime="yesterday"), "malformed"),
        (interaction(PROSPECT, 1, uid="x"), "malformed"),
        (interaction(PROSPECT, 1, data=None), "malformed"),
        (interaction(PROSPECT, 1, data={"url": "x" * 600_000}), "oversize"),
        (interaction(str(UUID(int=8)), 1), "malformed"),
    ],
)
def test_a_poison_record_is_refused_with_its_reason_and_without_its_content(value: bytes | None, reason: str) -> None:
    world = _world(PLUS)
    world.evaluate()
    with pytest.raises(Refused) as refused:
        step(world.states[PROSPECT], PROSPECT.encode(), value, 9, world.definitions)
    assert refused.value.reason == reason
    assert "yesterday" not in refused.value.error


def test_an_unknown_prospect_is_refused_and_its_replay_counts() -> None:
    world = _world(PLUS)
    with pytest.raises(Refused) as refused:
        step(None, PROSPECT.encode(), interaction(PROSPECT, 1), 1, world.definitions)
    assert refused.value.reason == "unknown_prospect"
    assert _click(world).outcome == "decided"


def test_a_version_not_seen_yet_is_waited_for_and_leaves_no_trace() -> None:
    world = _world(PLUS)
    world.evaluate()
    before = world.states[PROSPECT]
    with pytest.raises(VersionUnknown) as unknown:
        step(before, PROSPECT.encode(), interaction(PROSPECT, 1, version=9), 9, world.definitions)
    assert (unknown.value.asset_id, unknown.value.version) == ("link", 9)
    assert world.states[PROSPECT] is before


@pytest.mark.parametrize("limits", [Limits(uids_max=3), Limits(pending_max=3), Limits(state_max_bytes=1500)])
def test_past_a_cap_of_the_state_a_record_is_a_dead_letter_and_a_snapshot_frees_the_way(limits: Limits) -> None:
    world = _world(PLUS)
    world.evaluate()
    state: State | None = world.states[PROSPECT]
    for number in range(3):
        state = step(
            state, PROSPECT.encode(), interaction(PROSPECT, number), number, world.definitions, 0, limits
        ).state
    with pytest.raises(Refused) as refused:
        step(state, PROSPECT.encode(), interaction(PROSPECT, 9), 9, world.definitions, 0, limits)
    assert refused.value.reason == "backlog"


def test_an_anonymous_interaction_is_kept_and_fires_nothing() -> None:
    world = _world(PLUS)
    value = interaction("anon:x", 1)
    result = step(None, b"anon:x", value, 1, world.definitions)
    assert (result.outcome, result.discarded, result.commands) == ("anonymous", ("anonymous",), ())
    assert _decision(result)["reason"] == "anonymous"


def test_nothing_is_remembered_of_an_anonymous_visitor_and_a_repeat_is_decided_alike() -> None:
    world = _world(PLUS)
    value = interaction("anon:x", 1)
    first, again = (step(None, b"anon:x", value, 1, world.definitions) for _ in range(2))
    assert first.state is None
    assert first == again


def test_an_interaction_that_would_make_a_state_too_large_for_a_checkpoint_is_refused_and_leaves_it_as_it_was() -> None:
    copy = {"field": "city", "op": "copy", "from": "event.form.message"}
    copies = [{"id": f"c{number}", "type": "change_field_value", "params": copy} for number in range(20)]
    world = _world(*copies)
    world.evaluate()
    value = interaction(PROSPECT, 1, data={"form": {"message": "x" * 60_000}})
    with pytest.raises(Refused) as refused:
        step(world.states[PROSPECT], PROSPECT.encode(), value, 9, world.definitions)
    assert refused.value.reason == "oversize"
    assert len(encode(world.states[PROSPECT])) < 10_000


def test_pools_copies_and_now_are_resolved_on_original_values() -> None:
    world = _world(
        {"id": "boss", "type": "assign_owner", "params": {"user": "bob", "overwrite": "always"}},
        {
            "id": "copy",
            "type": "change_field_value",
            "params": {"field": "note", "op": "copy", "from": "original.owner"},
        },
        {"id": "now", "type": "change_field_value", "params": {"field": "due", "op": "now", "offset": "P1D"}},
        {"id": "day", "type": "change_field_value", "params": {"field": "day", "op": "now"}},
        {"id": "pool", "type": "assign_owner", "params": {"pool": ["cy", "di"], "overwrite": "always"}},
        types={"note": "text", "due": "datetime", "day": "date"},
        disabled_users=["cy"],
    )
    result = _click(world)
    values = [_command(result, position)["params"].get("value") for position in (1, 2, 3)]
    assert values == ["ann", "2026-11-24T10:00:00.000Z", "2026-11-23"]
    assert _command(result, 4)["params"]["user"] == "di"


def test_a_stale_snapshot_changes_no_values_and_raises_its_triggers_once() -> None:
    world = _world(record=[{"id": "up", "trigger": "updated", **{k: PLUS[k] for k in ("type", "params")}}])
    row = world.rows[PROSPECT]
    row.change(Values(score=5, owner="ann", fields={"city": "Rome"}))
    row.change(Values(score=5, owner="ann", fields={"city": "Oslo"}))
    world.log += world.log[-2:]
    steps = world.evaluate()
    assert [len(result.commands) for result in steps] == [0, 1, 1, 0, 0]
    assert world.states[PROSPECT].values.fields == {"city": "Oslo"}
    assert world.states[PROSPECT].version == 3


def test_a_change_that_comes_again_once_its_uid_is_forgotten_raises_nothing() -> None:
    world = _world(record=[{**PLUS, "id": "up", "trigger": "updated"}])
    row = world.rows[PROSPECT]
    row.change(replace(row.values, fields={"city": "Rome"}))
    told = world.log[-1]
    _click(world, recordedtime="2026-12-24T10:00:00Z")
    world.log.append(told)
    (again,) = world.evaluate()
    assert (again.outcome, again.decisions, again.commands) == ("snapshot", (), ())


def test_a_change_that_was_refused_fires_once_when_it_is_replayed_twice_behind_newer_ones() -> None:
    world = _world(PLUS, record=[{**PLUS, "id": "up", "trigger": "updated"}])
    _click(world)
    row = world.rows[PROSPECT]
    row.change(replace(row.values, fields={"city": "Rome"}))
    (_, refused_value), key = world.log.pop(), PROSPECT.encode()
    refused = step(world.states[PROSPECT], key, refused_value, 2, world.definitions, 0, Limits(pending_max=1))
    assert refused.refused is not None
    assert refused.state is not None
    world.states[PROSPECT] = refused.state
    world.carry_out("score", 1)
    world.evaluate()
    newer = world.states[PROSPECT]
    first = step(newer, key, refused_value, 9, world.definitions, replayed=True)
    assert first.state is not None
    second = step(first.state, key, refused_value, 10, world.definitions, replayed=True)
    assert [len(one.commands) for one in (first, second)] == [1, 0]
    assert first.state.values.fields == {"city": "Rome"}


def test_the_snapshot_of_an_executor_raises_nothing() -> None:
    world = _world(PLUS, record=[{"id": "up", "trigger": "score_changed", **{k: PLUS[k] for k in ("type", "params")}}])
    _click(world)
    world.carry_out("score", 1)
    assert [result.commands for result in world.evaluate()] == [()]


def test_a_runaway_list_ends_at_two_hundred_commands() -> None:
    many = [{**PLUS, "id": f"many-{number}"} for number in range(50)]
    record = [{**PLUS, "id": f"record-{number}", "trigger": "score_changed"} for number in range(10)]
    result = _click(_world(*many, record=record))
    assert len(result.commands) == 200
    assert any("loop" in _decision(result, position)["reasons"].values() for position in range(len(result.decisions)))


def test_a_frequency_counts_what_fired() -> None:
    world = _world({**PLUS, "frequency": {"first": 2}}, {**PLUS, "id": "week", "frequency": {"once_per": "P7D"}})
    times = ["2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z", "2026-11-30T09:59:59Z", "2026-11-30T10:00:00Z"]
    fired = [_decision(_click(world, number, recordedtime=time))["fired"] for number, time in enumerate(times)]
    assert fired == [[0, 1], [0], [], [1]]


def test_a_frequency_counts_per_asset_although_two_lists_use_the_same_action_id() -> None:
    once = {**PLUS, "frequency": {"once": True}}
    world = _world(once)
    world.definitions.apply(action_list("other", "redirect_link", [once]))
    fired = [_decision(_click(world, n, subject=asset))["fired"] for n, asset in enumerate(["link", "other", "link"])]
    assert fired == [[0], [0], []]


def test_an_erased_prospect_is_suppressed() -> None:
    world = _world(PLUS)
    world.evaluate()
    row = world.rows[PROSPECT]
    row.version += 1
    document = orjson.loads(row.snapshot())
    document["data"]["erased"] = True
    world.log.append((PROSPECT, orjson.dumps(document)))
    result = _click(world)
    assert (result.outcome, result.commands) == ("erased", ())
    assert world.states[PROSPECT].values == Values()
    with pytest.raises(Refused) as refused:
        step(world.states[PROSPECT], PROSPECT.encode(), b"personal", 9, world.definitions)
    assert refused.value.withheld


def test_the_very_first_record_of_a_log_may_fire_and_its_effect_waits_like_any_other() -> None:
    """Its command's order must lie above a mark of 0, which says that nothing was carried out."""
    world = World([action_list("prospect", "prospect", [{**PLUS, "trigger": "created"}])])
    row = world.create(PROSPECT, Values(score=5))
    world.evaluate()
    row.change(replace(row.values, fields={"city": "Bonn"}))
    world.evaluate()
    assert world.states[PROSPECT].values.score == 10


def test_a_state_of_the_format_before_is_read() -> None:
    """It held the snapshot's values, and those with the pending effects were computed."""
    world = _world(PLUS)
    _click(world)
    state = world.states[PROSPECT]
    document = orjson.loads(encode(state))
    document |= {"format": 1, "base": {**document.pop("values"), "score": 5}}
    assert decode(orjson.dumps(document)) == state == decode(encode(state))
