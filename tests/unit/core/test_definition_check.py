"""What is refused at save, with a pointer to the place; what passes compiles."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.criteria import compile_criteria
from core.definition_check import References, as_stored, check_actions, field_types, pools
from schemas.action_lists import Actions
from schemas.criteria import OPERATORS
from schemas.field_catalogue import BUILT_IN, Field
from schemas.triggers import AssetKind
from tests.support.criteria_worlds import IDS, TYPES, groups, paths

CATALOGUE = {field.name: field for field in BUILT_IN} | {
    name: Field.model_validate({"name": name, "type": kind, "label": name}) for name, kind in TYPES.items()
}
CATALOGUE["colour"] = Field(name="colour", type="picklist", label="Colour", options=("Red", "Green"))
CATALOGUE["sizes"] = Field(name="sizes", type="multi", label="Sizes", options=("S", "M"))
REFERENCES = References(
    users=frozenset({"u1", "u2"}), lists=frozenset({"l1"}), templates=frozenset({"t1"}), teams=frozenset({"team"})
)
TAG = {"type": "add_tags", "params": {"tags": ["hot"]}}


def _check(*actions: dict[str, Any], kind: AssetKind = "redirect_link", trigger: str = "clicked") -> dict[str, str]:
    defaults = {"name": "An action", "trigger": trigger}
    written = [{"id": f"a{position}", **defaults, **action} for position, action in enumerate(actions)]
    checked = Actions.model_validate_json(json.dumps({"actions": written})).model_dump(mode="json", by_alias=True)
    return dict(check_actions(checked["actions"], kind, CATALOGUE, REFERENCES))


def _ruled(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {**TAG, "criteria": {"rules": [{"field": field, "operator": operator, "value": value}]}}


def _set(**params: Any) -> dict[str, Any]:
    return {"type": "change_field_value", "params": params}


def _action(action_type: str, **params: Any) -> dict[str, Any]:
    return {"type": action_type, "params": params}


def test_a_trigger_must_be_one_of_the_assets_kind() -> None:
    assert _check(TAG, trigger="submitted") == {"/actions/0/trigger": "must be one of clicked"}
    assert _check(TAG, kind="form", trigger="submitted") == {}


def test_an_id_may_stand_once_in_a_list() -> None:
    assert list(_check({**TAG, "id": "same"}, TAG, {**TAG, "id": "same"})) == ["/actions/2/id"]


@pytest.mark.parametrize("trigger", ["unsubscribed", "bounced", "complained"])
def test_marketing_mail_does_not_answer_a_goodbye(trigger: str) -> None:
    marketing = _action("send_email", template="t1")
    transactional = {"type": "send_email", "params": {"template": "t1", "class": "transactional"}}
    assert list(_check(marketing, kind="list_email", trigger=trigger)) == ["/actions/0/params/class"]
    assert _check(transactional, kind="list_email", trigger=trigger) == {}
    assert _check(marketing, kind="list_email", trigger="clicked") == {}


def test_a_conversion_does_not_set_off_another() -> None:
    convert = _action("convert_to_lead")
    assert list(_check(convert, kind="prospect", trigger="converted")) == ["/actions/0/type"]
    assert _check(convert, kind="prospect", trigger="created") == {}


def test_an_outside_action_runs_later_in_one_way_and_never_earlier() -> None:
    webhook = _action("fire_webhook", url="https://example.com/")
    assert _check({**webhook, "delay": "PT1H"}) == {}
    both = _check({**webhook, "delay": "-PT1H", "run_at": "2026-12-24T18:00:00Z"})
    assert list(both) == ["/actions/0/run_at", "/actions/0/delay"]


def test_a_frequency_needs_a_time_to_pass() -> None:
    assert list(_check({**TAG, "frequency": {"once_per": "P0D"}})) == ["/actions/0/frequency/once_per"]
    assert _check({**TAG, "frequency": {"once_per": "PT1S"}}) == {}


@pytest.mark.parametrize(
    ("field", "operator", "value", "where"),
    [
        ("original.shoe_size", "=", "a", "field"),
        ("event.weather", "=", "a", "field"),
        ("event.form", "=", "a", "field"),
        ("event.before.industry", "=", "a", "field"),
        ("event.delta", ">", 1, "field"),
        ("event.tags", "anyOf", ["hot"], "field"),
        ("original.industry", ">", "a", "operator"),
        ("original.tags", "=", "hot", "operator"),
        ("original.industry", "changed", None, "operator"),
        ("event.form.x", "changed", None, "operator"),
        ("original.score", "=", "5", "value"),
        ("original.score", "=", 10**11, "value"),
        ("original.score", "in", [1, 0.00001], "value/1"),
        ("original.score", "between", [5], "value"),
        ("original.industry", "=", "", "value"),
        ("original.industry", "null", "a", "value"),
        ("original.the_date", "withinLast", "P1M", "value"),
        ("original.the_date", "on", "tomorrow", "value"),
        ("original.colour", "=", "Blue", "value"),
        ("original.colour", "in", ["red", "Blue"], "value/1"),
        ("original.sizes", "anyOf", ["XL"], "value/0"),
        ("original.owner", "=", "nobody", "value"),
        ("original.lists", "anyOf", ["l1", "l2"], "value/1"),
    ],
)
def test_a_rule_must_name_a_field_an_operator_and_an_operand_that_go_together(
    field: str, operator: str, value: Any, where: str
) -> None:
    assert list(_check(_ruled(field, operator, value))) == [f"/actions/0/criteria/rules/0/{where}"]


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("original.score", ">=", 10),
        ("original.colour", "=", "RED"),
        ("original.colour", "contains", "ee"),
        ("original.owner", "in", ["u1", "u2"]),
        ("original.owner", "beginsWith", "u"),
        ("original.lists", "noneOf", ["l1"]),
        ("event.form.anything", "anyOf", ["a"]),
        ("event.data.amount", "between", [1, 2]),
        ("event.time", "olderThan", "P1D"),
        ("event.ip", "beginsWith", "203."),
    ],
)
def test_a_rule_that_goes_together_passes(field: str, operator: str, value: Any) -> None:
    assert _check(_ruled(field, operator, value)) == {}


def test_changes_are_asked_about_in_lists_of_the_asset_prospect() -> None:
    for rule in (
        _ruled("original.industry", "changed"),
        _ruled("original.industry", "changedTo", "construction"),
        _ruled("event.after.industry", "changed"),
        _ruled("event.before.industry", "null"),
        _ruled("event.delta", ">", 0),
        _ruled("event.changed", "anyOf", ["industry"]),
    ):
        assert _check(rule, kind="prospect", trigger="updated") == {}
    before = _check(_ruled("event.before.industry", "changed"), kind="prospect", trigger="updated")
    assert list(before) == ["/actions/0/criteria/rules/0/operator"]


def _nested(depth: int) -> dict[str, Any]:
    return {"rules": [_nested(depth - 1)] if depth > 1 else [{"field": "original.score", "operator": "notNull"}]}


def test_criteria_are_bounded_in_depth_rules_and_values() -> None:
    rule = {"field": "original.score", "operator": "notNull"}
    assert _check({**TAG, "criteria": _nested(5)}) == {}
    assert list(_check({**TAG, "criteria": _nested(6)})) == ["/actions/0/criteria"]
    group = {"rules": [rule] * 50}
    assert _check({**TAG, "criteria": {"rules": [group, group]}}) == {}
    assert list(_check({**TAG, "criteria": {"rules": [group, group, rule]}})) == ["/actions/0/criteria"]
    values = {"field": "original.score", "operator": "in", "value": list(range(1000))}
    assert _check({**TAG, "criteria": {"rules": [values]}}) == {}
    one_more = {"field": "original.score", "operator": "=", "value": 5}
    assert list(_check({**TAG, "criteria": {"rules": [values, one_more]}})) == ["/actions/0/criteria"]


def test_a_pointer_leads_into_nested_groups() -> None:
    wrong = {"field": "original.score", "operator": "=", "value": "5"}
    criteria = {"rules": [{"field": "original.score", "operator": "notNull"}, {"rules": [wrong]}]}
    assert list(_check(TAG, {**TAG, "criteria": criteria})) == ["/actions/1/criteria/rules/1/rules/0/value"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(group=groups())
def test_criteria_that_compile_pass_but_for_what_they_refer_to(group: dict[str, Any]) -> None:
    compile_criteria(group, TYPES)
    everything = References(users=frozenset(IDS), lists=frozenset(IDS))
    action = {"id": "a", "trigger": "updated", **TAG, "criteria": group}
    findings = check_actions([action], "prospect", CATALOGUE, everything)
    assert {message for _, message in findings} <= {"must be smaller than 100000000000 in magnitude"}


_JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.lists(st.text(max_size=2) | st.integers())
)
_ANY_OPERATOR = st.sampled_from(sorted({name for names in OPERATORS.values() for name in names}))


@settings(max_examples=300, deadline=None)
@given(field=st.sampled_from(sorted(paths())), operator=_ANY_OPERATOR, value=_JUNK, exact=st.booleans())
def test_what_passes_compiles(field: str, operator: str, value: Any, exact: bool) -> None:
    group = {"rules": [{"field": field, "operator": operator, "value": value, "exact": exact}]}
    action = {"id": "a", "trigger": "updated", **TAG, "criteria": group}
    if not check_actions([action], "prospect", CATALOGUE, REFERENCES):
        assert compile_criteria(group, TYPES).conditions[0].field == field


@pytest.mark.parametrize(
    ("field", "owner"),
    [
        ("score", "is written by adjust_score only"),
        ("owner", "is written by assign_owner only"),
        ("tags", "is written by add_tags and remove_tags only"),
        ("lists", "is written by add_to_list and remove_from_list only"),
        ("lead_id", "is written by convert_to_lead only"),
        ("email", "is not written by actions"),
        ("consent", "is not written by actions"),
        ("shoe_size", "is not a field of the catalogue"),
    ],
)
def test_an_attribute_is_written_by_its_own_executor_only(field: str, owner: str) -> None:
    assert _check(_set(field=field, op="clear")) == {"/actions/0/params/field": owner}


@pytest.mark.parametrize(
    ("params", "where"),
    [
        ({"field": "the_number", "op": "append", "value": "a"}, "op"),
        ({"field": "the_text", "op": "increment", "value": 1}, "op"),
        ({"field": "the_text", "op": "now"}, "op"),
        ({"field": "the_number", "op": "set", "value": "5"}, "value"),
        ({"field": "the_number", "op": "set", "value": 0.00001}, "value"),
        ({"field": "the_number", "op": "increment", "value": 10**11}, "value"),
        ({"field": "the_date", "op": "set", "value": "31.01.2026"}, "value"),
        ({"field": "the_bool", "op": "set", "value": "true"}, "value"),
        ({"field": "colour", "op": "set", "value": "Blue"}, "value"),
        ({"field": "sizes", "op": "append", "value": "XL"}, "value"),
        ({"field": "the_text", "op": "append", "value": ["a"]}, "value"),
        ({"field": "the_number", "op": "copy", "from": "original.the_date"}, "from"),
        ({"field": "the_date", "op": "copy", "from": "original.the_text"}, "from"),
        ({"field": "the_text", "op": "copy", "from": "original.shoe_size"}, "from"),
        ({"field": "the_text", "op": "copy", "from": "event.before.industry"}, "from"),
    ],
)
def test_a_field_is_changed_as_its_type_allows(params: dict[str, Any], where: str) -> None:
    assert list(_check(_set(**params))) == [f"/actions/0/params/{where}"]


@pytest.mark.parametrize(
    "params",
    [
        {"field": "the_text", "op": "append", "value": "a"},
        {"field": "sizes", "op": "append", "value": "s"},
        {"field": "sizes", "op": "set", "value": ["S", "M"]},
        {"field": "the_number", "op": "increment", "value": -0.5},
        {"field": "the_date", "op": "now", "offset": "P7D"},
        {"field": "the_datetime", "op": "set", "value": "2026-01-31T10:00:00+01:00"},
        {"field": "the_text", "op": "copy", "from": "original.score"},
        {"field": "the_number", "op": "copy", "from": "event.form.age"},
        {"field": "the_multi", "op": "copy", "from": "original.tags"},
        {"field": "the_bool", "op": "clear"},
    ],
)
def test_a_change_that_fits_the_field_passes(params: dict[str, Any]) -> None:
    assert _check(_set(**params)) == {}


_DUE = {"in": "P3D"}


@pytest.mark.parametrize(
    ("action", "where"),
    [
        (_action("assign_owner", user="nobody"), "user"),
        (_action("assign_owner", pool=["u1", "nobody"]), "pool/1"),
        (_action("convert_to_lead", owner={"user": "nobody"}), "owner/user"),
        (_action("add_to_list", lists=["l1", "l2"]), "lists/1"),
        (_action("remove_from_list", lists=["l2"]), "lists/0"),
        (_action("send_email", template="t2"), "template"),
        (_action("send_email", template="t1", list="l2"), "list"),
        (_action("notify_user", to={"user": "nobody"}, text="Hello"), "to/user"),
        (_action("notify_user", to={"team": "nobody"}, text="Hello"), "to/team"),
        (_action("notify_user", to="owner", text="Hello", fallback={"user": "nobody"}), "fallback/user"),
        (_action("notify_user", to="owner", text="Hello", digest="-PT1H"), "digest"),
        (_action("create_crm_task", title="Call", due=_DUE, assignee={"user": "nobody"}), "assignee/user"),
        (_action("create_crm_task", title="Call", due={"in": "-P1D"}), "due/in"),
        (_action("create_crm_task", title="Call", due={"field": "renewal"}), "due/field"),
        (_action("create_crm_task", title="Call", due={"field": "the_text"}), "due/field"),
        (_action("create_crm_task", title="Call", due=_DUE, zone="Mars/Phobos"), "zone"),
        (_action("create_crm_task", title="Call {{ prospect.frist_name }}", due=_DUE), "title"),
        (_action("create_crm_task", title="Call", due=_DUE, body="{% if %}"), "body"),
        (_action("create_crm_task", title="Call", due=_DUE, dedupe_key="{{ now }}"), "dedupe_key"),
        (_action("notify_user", to="owner", text="Hello", subject="{{ owner.secret }}"), "subject"),
        (_action("notify_user", to="owner", text="{{ event.nonsense }}"), "text"),
        (_action("execute_lambda", function="enrich", response_map={"score": "/score"}), "response_map/score"),
    ],
)
def test_what_an_action_refers_to_must_exist(action: dict[str, Any], where: str) -> None:
    assert list(_check(action)) == [f"/actions/0/params/{where}"]


@pytest.mark.parametrize(
    "action",
    [
        _action("assign_owner", pool=["u1", "u2"]),
        _action("convert_to_lead", owner={"user": "u1"}),
        _action("add_to_list", lists=["l1"]),
        _action("send_email", template="t1", list="l1"),
        _action("notify_user", to={"team": "team"}, text="Hello", fallback={"user": "u1"}),
        _action("notify_user", to="owner", text="{{ prospect.industry }}, {{ owner.name }}: {{ event.form.company }}"),
        _action("create_crm_task", title="Call", due={"field": "the_date", "offset": "-P7D"}),
        _action("execute_lambda", function="enrich", response_map={"industry": "/industry"}),
        _action("adjust_score", op="add", amount=5),
        _action("fire_webhook", url="https://example.com/"),
        _action("remove_tags", tags=["hot"]),
    ],
)
def test_an_action_whose_references_exist_passes(action: dict[str, Any]) -> None:
    assert _check(action) == {}


def test_a_list_carries_the_types_of_the_fields_that_it_reads_and_writes() -> None:
    actions = [
        _ruled("original.the_number", ">", 5),
        _ruled("event.after.industry", "changed"),
        _ruled("original.score", ">", 5),
        _set(field="the_text", op="copy", **{"from": "original.the_date"}),
        _action("create_crm_task", title="Call", due={"field": "the_datetime"}),
        _action("execute_lambda", function="enrich", response_map={"city": "/city"}),
    ]
    assert field_types(actions, CATALOGUE) == {
        "city": "text",
        "industry": "text",
        "the_date": "date",
        "the_datetime": "datetime",
        "the_number": "number",
        "the_text": "text",
    }


def test_pools_name_their_users_fixed_owners_do_not() -> None:
    actions = [_action("assign_owner", pool=["u1", "u2"]), _action("assign_owner", user="u3"), TAG]
    assert pools(actions) == {"u1", "u2"}


def test_values_that_are_set_take_the_spelling_that_the_field_stores() -> None:
    actions = [
        _set(field="the_datetime", op="set", value="2026-01-31T10:00:00+01:00"),
        _set(field="colour", op="set", value="red"),
        _set(field="colour", op="set", value="Blue"),
        TAG,
    ]
    stored = as_stored(actions, CATALOGUE)
    assert [action["params"].get("value") for action in stored] == ["2026-01-31T09:00:00.000Z", "Red", "Blue", None]
