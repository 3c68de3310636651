"""Every version of every list is kept and found again; what cannot be read is refused."""

from typing import Any

import pytest

from core.definitions import Definitions, Frequency, VersionUnknown, compile_list
from core.records import Refused
from tests.support.simulation import action_list

TAG = {"id": "a", "type": "add_tags", "params": {"tags": ["hot"]}}


def _score(operator: str = ">=", **more: Any) -> dict[str, Any]:
    rule = {"field": "original.score", "operator": operator, "value": 5}
    return {**TAG, "criteria": {"rules": [rule]}, **more}


def test_a_version_once_read_is_found_after_newer_ones() -> None:
    definitions = Definitions()
    for version in (1, 2, 3):
        definitions.apply(action_list("link", "redirect_link", [{**TAG, "id": f"a{version}"}], version))
    assert [definitions.list("link", version).actions[0].id for version in (1, 3, 2)] == ["a1", "a3", "a2"]
    assert definitions.newest("link") == 3


def test_versions_that_arrive_out_of_order_or_twice_change_nothing() -> None:
    definitions = Definitions()
    for version in (2, 1, 2):
        definitions.apply(action_list("link", "redirect_link", [TAG], version))
    compiled = definitions.list("link", 2)
    definitions.apply(action_list("link", "redirect_link", [], 2))
    assert definitions.newest("link") == 2
    assert definitions.list("link", 2) is compiled


def test_version_zero_is_an_empty_list() -> None:
    definitions = Definitions()
    assert definitions.list("link", 0).actions == ()
    assert definitions.list("link", 0).triggers == frozenset()
    assert definitions.newest("link") == 0


def test_a_version_not_read_yet_is_unknown() -> None:
    definitions = Definitions()
    definitions.apply(action_list("link", "redirect_link", [TAG]))
    with pytest.raises(VersionUnknown) as unknown:
        definitions.list("link", 2)
    assert (unknown.value.asset_id, unknown.value.version) == ("link", 2)


def test_an_asset_is_its_newest_record() -> None:
    definitions = Definitions()
    asset = {"schema": 1, "record": "asset", "id": "link", "kind": "redirect_link", "name": "A link"}
    assert definitions.asset("link") is None
    definitions.apply(asset)
    definitions.apply(asset | {"status": "archived"})
    assert definitions.asset("link") == asset | {"status": "archived"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"schema": 2, "record": "asset", "id": "a", "kind": "form"}, "unknown_schema"),
        ({"record": "asset", "id": "a", "kind": "form"}, "unknown_schema"),
        ({"schema": 1, "record": "campaign"}, "unknown_type"),
        ({"schema": 1}, "unknown_type"),
        ({"schema": 1, "record": "asset", "id": 5, "kind": "form"}, "malformed"),
        ({"schema": 1, "record": "action_list", "asset_id": "a", "asset_kind": "form", "version": 0}, "malformed"),
        (action_list("a", "form", [], 0), "malformed"),
    ],
)
def test_a_record_that_this_version_cannot_read_is_refused(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        Definitions().apply(document)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "action",
    [{"id": "a"}, {**TAG, "type": "fly"}, _score("resembles"), {**TAG, "frequency": "often"}, {**TAG, "params": None}],
)
def test_a_list_that_cannot_be_compiled_is_refused_when_an_interaction_cites_it(action: dict[str, Any]) -> None:
    definitions = Definitions()
    definitions.apply(action_list("link", "redirect_link", [action]))
    with pytest.raises(Refused, match="version 1 of the list of asset link"):
        definitions.list("link", 1)


def test_a_compiled_list_knows_its_triggers_and_what_the_enabled_actions_read() -> None:
    compiled = compile_list(
        action_list(
            "mail",
            "list_email",
            [
                _score(trigger="clicked"),
                {
                    **_score(trigger="clicked"),
                    "criteria": {"rules": [{"field": "original.tags", "operator": "notNull"}]},
                },
                _score(trigger="opened", enabled=False),
                {**TAG, "trigger": "bounced"},
            ],
            disabled_users=["u1"],
        )
    )
    assert compiled.triggers == {"clicked", "opened", "bounced"}
    assert {trigger: judged.slots.paths for trigger, judged in compiled.judged.items()} == {
        "clicked": ["original.score", "original.tags"],
        "bounced": [],
    }
    assert compiled.disabled_users == {"u1"}
    assert compiled.asset_kind == "list_email"


def test_an_action_is_compiled_with_the_defaults_of_its_form() -> None:
    action = compile_list(action_list("link", "redirect_link", [TAG])).actions[0]
    assert (action.executor, action.record, action.enabled, action.on_failure) == ("tags", True, True, "hold")
    assert (action.frequency, action.delay_s, action.run_at) == (None, None, None)


def test_an_outside_action_keeps_when_it_is_to_run() -> None:
    webhook = {"id": "w", "type": "fire_webhook", "params": {"url": "https://example.com/"}}
    later, fixed = compile_list(
        action_list(
            "link", "redirect_link", [{**webhook, "delay": "PT1H"}, {**webhook, "run_at": "2026-12-24T18:00:00Z"}]
        )
    ).actions
    assert (later.record, later.delay_s) == (False, 3600)
    assert fixed.run_at == "2026-12-24T18:00:00Z"


@pytest.mark.parametrize(
    ("frequency", "count", "since_ms", "allowed"),
    [
        ({"once": True}, 1, 10**12, False),
        ({"once_per": "P7D"}, 9, 7 * 86_400_000 - 1, False),
        ({"once_per": "P7D"}, 9, 7 * 86_400_000, True),
        ({"first": 3}, 2, 0, True),
        ({"first": 3}, 3, 10**12, False),
    ],
)
def test_a_frequency_says_whether_an_action_may_fire_again(
    frequency: dict[str, Any], count: int, since_ms: int, allowed: bool
) -> None:
    compiled = (
        compile_list(action_list("link", "redirect_link", [{**TAG, "frequency": frequency}])).actions[0].frequency
    )
    assert isinstance(compiled, Frequency)
    assert compiled.allows(count, since_ms) is allowed
