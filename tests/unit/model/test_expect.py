"""The model against sentences of the product, worked out by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from tests.chaos.model.expect import expect, expect_anonymous
from tests.chaos.model.expectation import Expected
from tests.chaos.model.log import Accepted, Changed, Created, Definitions, Entry, ProspectLog, SavedList, record

PROSPECT = "0d9f1b8e-3c34-4c1e-9d0e-5a8a4f6f2f10"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TYPES = {"industry": "text", "company": "text", "visits": "number", "first_seen": "date"}
_numbers = count()

Actions = Sequence[Mapping[str, Any]]


def action(action_id: str, kind: str, params: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": action_id, "name": action_id, "trigger": "clicked", "type": kind, "params": params, **more}


def tag(action_id: str, *tags: str, **more: Any) -> dict[str, Any]:
    return action(action_id, "add_tags", {"tags": tags}, **more)


def add(action_id: str, amount: int, **more: Any) -> dict[str, Any]:
    return action(action_id, "adjust_score", {"op": "add", "amount": amount}, **more)


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


def click(after_s: float = 0, *, version: int = 1, **more: Any) -> Accepted:
    event = {
        "id": f"e{next(_numbers)}",
        "source": "shop",
        "type": "redirect_link.clicked",
        "subject": "link",
        "time": START.isoformat(),
        **more,
    }
    return Accepted(event, version, 1, START + timedelta(seconds=after_s))


def told(
    *entries: Entry, link: Actions = (), prospect: Actions = (), disabled: frozenset[str] = frozenset()
) -> Expected:
    lists = {
        ("link", 1): SavedList(link, disabled),
        ("link", 2): SavedList(link[::-1]),
        ("prospect", 1): SavedList(prospect),
    }
    return expect(ProspectLog(PROSPECT, list(entries)), Definitions(TYPES, lists))


def created(**values: Any) -> Created:
    return Created(record(values), 1, START)


def fired(expected: Expected) -> list[list[str]]:
    return [[command.action_id for command in told.commands] for told in expected.interactions]


def test_score_5_plus_5_does_not_satisfy_a_sibling_that_asks_for_10_and_the_next_click_does() -> None:
    link = [add("plus", 5), tag("hot", "hot", criteria=rule("original.score", ">=", 10))]
    expected = told(created(score=5), click(), click(), link=link)
    assert fired(expected) == [["plus"], ["plus", "hot"]]
    assert expected.interactions[0].not_fired == {"hot": "criteria"}
    assert (expected.record["score"], expected.record["tags"]) == (15, ["hot"])


def test_ids_are_those_of_rfc_9562() -> None:
    expected = told(created(), click(id="e", source="blog"), link=[tag("t", "x")])
    uid = uuid5(uuid5(NAMESPACE_URL, "blog"), "e")
    (interaction,) = expected.interactions
    assert interaction.uid == str(uid)
    assert interaction.commands[0].id == str(uuid5(uid, "t"))


def test_a_repeated_event_id_is_a_duplicate_for_seven_days_and_the_same_id_of_another_source_is_not() -> None:
    link = [add("plus", 1)]
    week = timedelta(days=7).total_seconds()
    expected = told(
        created(),
        *(click(at, id="same") for at in (0, 1, week - 1, week)),
        click(id="same", source="blog"),
        link=link,
    )
    assert (expected.record["score"], expected.duplicates) == (3, 2)


def test_the_version_echoed_at_acceptance_decides_and_version_0_has_no_actions() -> None:
    city = [
        action(f"set-{name}", "change_field_value", {"field": "company", "op": "set", "value": name}) for name in "ab"
    ]
    assert told(created(), click(), link=city).record["fields"] == {"company": "b"}
    assert told(created(), click(), click(version=2), link=city).record["fields"] == {"company": "a"}
    assert fired(told(created(), click(version=0), link=city)) == [[]]


def test_a_tag_that_an_action_adds_sets_off_the_prospect_list_after_its_own_list() -> None:
    link = [tag("visit", "Visitor"), add("plus", 1)]
    prospect = [add("ten", 10, trigger="tag_added", criteria=rule("event.tags", "anyOf", ["visitor"]))]
    expected = told(created(), click(), click(), link=link, prospect=prospect)
    assert fired(expected) == [["visit", "plus"], ["ten"], ["visit", "plus"]]
    root, derived, again = expected.interactions
    assert root.derived == (derived.uid,) == (str(uuid5(UUID(root.commands[0].id), "tag_added")),)
    assert (derived.depth, derived.asset_id, derived.type) == (1, "prospect", "prospect.tag_added")
    assert [command.state for command in again.commands] == ["no_change", "done"]
    assert expected.record["score"] == 12


def test_two_sequences_that_trigger_each_other_end_past_depth_five() -> None:
    prospect = [
        tag("on", "a", trigger="tag_removed"),
        action("off", "remove_tags", {"tags": ["A"]}, trigger="tag_added"),
    ]
    expected = told(created(), click(), link=[tag("start", "a")], prospect=prospect)
    assert [told.depth for told in expected.interactions] == [0, 1, 2, 3, 4, 5, 6]
    assert [told.reason for told in expected.interactions] == [None] * 6 + ["loop"]


def test_past_200_commands_actions_are_discarded_as_a_loop() -> None:
    link = [tag(f"t{n}", f"t{n}") for n in range(90)]
    prospect = [add(f"s{n}", 1, trigger="tag_added") for n in range(2)]
    expected = told(created(), click(), link=link, prospect=prospect)
    assert sum(len(told.commands) for told in expected.interactions) == 200
    assert expected.interactions[-1].not_fired == {"s0": "loop", "s1": "loop"}


def test_creation_raises_created_alone_and_a_change_by_hand_each_kind_once_in_the_tables_order() -> None:
    kinds = ("score_changed", "tag_removed", "tag_added", "updated", "created", "owner_changed")
    prospect = [add(kind, 0, trigger=kind) for kind in kinds]
    changed = Changed(record({"score": 3, "tags": ["x", "y"], "fields": {"industry": "Retail"}}), 2, 1, START)
    expected = told(created(tags=["w"], score=1), changed, prospect=prospect)
    assert [told.type.removeprefix("prospect.") for told in expected.interactions] == [
        "created",
        "updated",
        "tag_added",
        "tag_removed",
        "score_changed",
    ]


def test_a_trigger_that_the_prospect_list_does_not_have_is_no_interaction() -> None:
    assert told(created(), click(), link=[add("plus", 1)], prospect=[tag("t", "t", trigger="created")]).interactions[
        1
    ].type == ("redirect_link.clicked")


def test_the_fifth_click_of_an_address_inside_300_s_is_discarded_and_refused_ones_count_too() -> None:
    link = [add("plus", 1)]
    clicks = [click(at, data={"ip": "203.0.113.7"}) for at in (0, 1, 2, 3, 4, 300.5, 301.5, 304.5, 605)]
    expected = told(created(), *clicks, link=link)
    assert [told.reason for told in expected.interactions] == [None] * 4 + ["spam", "spam", "spam", None, None]


def test_spam_is_counted_per_trigger_asset_and_ipv6_network_and_not_without_an_address() -> None:
    link = [add("plus", 1)]
    same = [click(data={"ip": f"2001:db8::{n}"}) for n in range(5)]
    others = [click(data={"ip": f"2001:db8:0:{n}::1"}) for n in range(1, 6)]
    nowhere = [click() for _ in range(6)]
    expected = told(created(), *same, *others, *nowhere, link=link)
    assert [told.reason for told in expected.interactions] == [None] * 4 + ["spam"] + [None] * 11


def test_frequency_once_first_and_once_per_remember_what_fired_whatever_the_version() -> None:
    link = [
        add("once", 1, frequency={"once": True}),
        add("twice", 10, frequency={"first": 2}),
        add("daily", 100, frequency={"once_per": "P1D"}),
    ]
    day = 86_400
    expected = told(created(), click(), click(1, version=2), click(day - 1), click(day), link=link)
    assert [set(told.not_fired) for told in expected.interactions] == [
        set(),
        {"once", "daily"},
        {"once", "twice", "daily"},
        {"once", "twice"},
    ]
    assert expected.record["score"] == 1 + 20 + 200


def test_reasons_are_the_trigger_then_disabled_then_the_criteria() -> None:
    never = rule("original.score", ">", 99)
    link = [
        add("other", 1, trigger="opened", enabled=False),
        add("off", 1, enabled=False, criteria=never),
        add("cold", 1, criteria=never, frequency={"once": True}),
    ]
    (interaction,) = told(created(), click(), link=link).interactions
    assert interaction.not_fired == {"other": "trigger", "off": "disabled", "cold": "criteria"}


def test_a_pool_passes_over_disabled_users_and_never_overwrites_unless_told() -> None:
    link = [
        action("give", "assign_owner", {"pool": ["ana", "ben"]}),
        action("keep", "assign_owner", {"user": "eva"}),
        action("take", "assign_owner", {"user": "flo", "overwrite": "always"}),
    ]
    (interaction,) = told(created(), click(), link=link, disabled=frozenset({"ben"})).interactions
    assert [command.state for command in interaction.commands] == ["done", "no_change", "done"]
    assert told(created(), click(), link=link[:1], disabled=frozenset({"ben"})).record["owner"] == "ana"
    nobody = told(created(), click(), link=link[:1], disabled=frozenset({"ana", "ben"}))
    assert nobody.interactions[0].commands[0].state == "no_change"


def test_field_operations_act_in_order_and_copies_read_the_original_values() -> None:
    def write(action_id: str, field: str, op: str, **operand: Any) -> dict[str, Any]:
        return action(action_id, "change_field_value", {"field": field, "op": op, **operand})

    link = [
        write("rename", "company", "set", value="New"),
        write("keep", "industry", "copy", **{"from": "original.company"}),
        write("count", "visits", "increment", value=0.5),
        write("more", "company", "append", value="Sons"),
        write("again", "company", "append", value="New"),
        write("seen", "first_seen", "now", offset="-P1D", only_if_empty=True),
        write("gone", "company", "clear", only_if_empty=True),
    ]
    expected = told(created(fields={"company": "Old", "visits": 2}), click(), link=link)
    assert expected.record["fields"] == {
        "company": "New; Sons",
        "industry": "Old",
        "visits": 2.5,
        "first_seen": "2026-03-01",
    }
    (interaction,) = expected.interactions
    assert [command.state for command in interaction.commands][-3:] == ["no_change", "done", "no_change"]


def test_scores_are_clamped_and_what_no_integer_holds_is_dead_and_changes_nothing() -> None:
    clamped = [action("low", "adjust_score", {"op": "subtract", "amount": 50, "min": 0})]
    assert told(created(score=20), click(), link=clamped).record["score"] == 0
    expected = told(created(score=2**31 - 1), click(), link=[add("over", 1), add("under", -1)])
    assert [command.state for command in expected.interactions[0].commands] == ["dead", "done"]


def test_a_member_who_unsubscribed_is_readded_only_with_resubscribe_and_removal_keeps_the_evidence() -> None:
    values = {"lists": [{"id": "news", "status": "unsubscribed"}, {"id": "events", "status": "subscribed"}]}
    add_again = action("add", "add_to_list", {"lists": ["news"]})
    remove = action("remove", "remove_from_list", {"lists": ["news", "events"]})
    resubscribe = action("again", "add_to_list", {"lists": ["news"], "resubscribe": True, "evidence": "asked"})
    assert told(created(**values), click(), link=[add_again, remove]).record["lists"] == {"news": "unsubscribed"}
    assert told(created(**values), click(), link=[resubscribe]).record["lists"]["news"] == "subscribed"


def test_converting_twice_gives_the_same_lead_and_is_refused_only_when_asked() -> None:
    link = [
        action("first", "convert_to_lead", {}),
        action("again", "convert_to_lead", {}),
        action("renew", "convert_to_lead", {"on_existing": "update", "status": "open"}),
        action("fail", "convert_to_lead", {"on_existing": "fail"}),
    ]
    expected = told(created(), click(), link=link)
    assert [command.state for command in expected.interactions[0].commands] == ["done", "no_change", "done", "dead"]
    assert expected.record["lead_id"] == str(uuid5(UUID(PROSPECT), "lead"))


def test_an_interaction_of_nobody_known_fires_nothing() -> None:
    definitions = Definitions(TYPES, {("link", 1): SavedList([add("plus", 1)])})
    assert expect_anonymous(click(), definitions).not_fired == {"plus": "anonymous"}
