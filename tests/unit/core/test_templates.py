"""Marketers' texts with merge fields: checked at save, rendered later, bounded."""

from typing import Any

import pytest

from core.templates import TemplateError, check_template, render, scopes

PROSPECT: dict[str, Any] = {
    "id": "p-1",
    "email": "ann@example.com",
    "score": 5,
    "owner": "bob",
    "tags": ["hot", "vip"],
    "lists": {"news": "subscribed", "old": "unsubscribed"},
    "consent": "granted",
    "lead_id": None,
    "fields": {"first_name": "Ann", "city": "Vienna"},
}
OWNER: dict[str, Any] = {"id": "bob", "name": "Bob", "email": "bob@example.com"}
CLICK: dict[str, Any] = {
    "uid": "u-1",
    "type": "form.submitted",
    "subject": "contact",
    "time": "2026-11-25T09:00:00Z",
    "data": {"ip": "203.0.113.7", "form": {"company": "Form Ltd"}, "amount": 3, "type": "of the sender"},
}


def _rendered(text: str, owner: dict[str, Any] | None = OWNER, interaction: dict[str, Any] = CLICK) -> str:
    return render(text, scopes(PROSPECT, owner, interaction))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to fill in", "nothing to fill in"),
        ("{{ prospect.first_name }} of {{ prospect.city }}", "Ann of Vienna"),
        ("{{ prospect.email }} {{ prospect.score | plus: 1 }}", "ann@example.com 6"),
        ("{{ prospect.tags | join: ', ' }} {{ prospect.lists | join }}", "hot, vip news"),
        ("{{ owner.name }} <{{ owner.email }}>", "Bob <bob@example.com>"),
        (
            "{{ event.subject }} {{ event.form.company }} {{ event.data.amount }} {{ event.ip }}",
            "contact Form Ltd 3 203.0.113.7",
        ),
        ("{{ event.type }}", "form.submitted"),
        ("{{ prospect.phone | default: 'no number' }}", "no number"),
        ("{% if prospect.score > 3 %}hot{% else %}cold{% endif %}", "hot"),
    ],
)
def test_merge_fields_are_filled_in(text: str, expected: str) -> None:
    assert _rendered(text) == expected


def test_what_is_missing_renders_as_nothing() -> None:
    assert _rendered("[{{ owner.name }}{{ prospect.phone }}{{ event.form.none }}]", owner=None) == "[]"


def test_a_record_change_tells_what_changed() -> None:
    change = CLICK | {
        "type": "prospect.tag_added",
        "data": {"tags": ["hot"], "lists": [], "delta": None, "by": "executor"},
    }
    assert _rendered("{{ event.tags | join }} {{ event.by }}", interaction=change) == "hot executor"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{{ prospect.first_name }} {{ event.form.anything }} {{ owner.email }}", []),
        ("{{ prospect.frist_name }}", ["prospect.frist_name is not a merge field"]),
        ("{{ user.name }}", ["user.name is not a merge field"]),
        ("{{ owner.password }}", ["owner.password is not a merge field"]),
        ("{{ event.nonsense }}", ["event.nonsense is not a merge field"]),
        ("{{ prospect }}", ["prospect is not a merge field"]),
        ("{{ prospect.__class__ }}", ["prospect.__class__ is not a merge field"]),
        ("{{ prospect['first_name'] }}{% for tag in prospect.tags %}{{ tag }}{% endfor %}", []),
    ],
)
def test_an_unknown_merge_field_is_named(text: str, wrong: list[str]) -> None:
    assert list(check_template(text, {"first_name", "phone"})) == wrong


@pytest.mark.parametrize(
    "text",
    [
        "{{ prospect.email",
        "{% if %}",
        "{% nonsense %}",
        "{{ prospect.email | nonsense }}",
        "{% include 'other' %}",
        "{% render 'other' %}",
    ],
)
def test_what_is_no_liquid_or_reaches_out_is_refused(text: str) -> None:
    (wrong,) = check_template(text, ())
    assert wrong.startswith("is not Liquid")


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}",
        "{% assign s = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..30) %}{% assign s = s | append: s %}{% endfor %}{{ s }}",
    ],
)
def test_a_template_that_would_not_end_is_cut_off(text: str) -> None:
    with pytest.raises(TemplateError):
        _rendered(text)


def test_a_value_is_never_a_template() -> None:
    hostile: dict[str, Any] = {
        **PROSPECT,
        "fields": {"first_name": "{{ prospect.email }}{% for i in (1..9) %}x{% endfor %}"},
    }
    assert render("{{ prospect.first_name }}", scopes(hostile, None, CLICK)) == hostile["fields"]["first_name"]
