"""Which triggers a change raises, and in which order (product.md §3)."""

from core.cascade import raised
from core.values import Values


def _triggers(before: Values | None, after: Values) -> list[str]:
    return [trigger for trigger, _ in raised(before, after, "api")]


def test_created_comes_alone() -> None:
    assert _triggers(None, Values(score=5, tags=("hot",), owner="ann", fields={"city": "Bonn"})) == ["created"]


def test_one_write_raises_each_kind_once_in_the_order_of_the_table() -> None:
    before = Values(tags=("old",), lists={"a": "subscribed"}, fields={"city": "Bonn"})
    after = Values(
        score=5,
        owner="ann",
        tags=("new", "newer"),
        lists={"b": "subscribed", "c": "subscribed"},
        lead_id="lead",
        fields={"city": "Rome"},
    )
    assert _triggers(before, after) == [
        "updated",
        "tag_added",
        "tag_removed",
        "list_joined",
        "list_left",
        "score_changed",
        "owner_changed",
        "converted",
    ]


def test_a_change_carries_all_its_tags_lists_and_the_difference() -> None:
    before, after = Values(score=3), Values(score=10, tags=("a", "b"), lists={"x": "subscribed", "y": "pending"})
    changes = dict(raised(before, after, "api"))
    assert changes["tag_added"].tags == ("a", "b")
    assert changes["list_joined"].lists == ("x",)
    assert changes["score_changed"].delta == 7


def test_another_spelling_of_a_tag_is_no_change() -> None:
    assert _triggers(Values(tags=("Hot",)), Values(tags=("hot",))) == []


def test_an_unsubscribe_leaves_the_list() -> None:
    assert _triggers(Values(lists={"a": "subscribed"}), Values(lists={"a": "unsubscribed"})) == ["list_left"]


def test_e_mail_and_consent_raise_nothing() -> None:
    assert _triggers(Values(email="a@example.com"), Values(email="b@example.com", consent="granted")) == []
