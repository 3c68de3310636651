from typing import Any

from core.text import key
from schemas.field_catalogue import BUILT_IN, Field
from services.console.bodies.prospects import Membership, NewProspect, ProspectChanges
from services.console.record_values import RecordValues, distinct, memberships, merged

CATALOGUE = {field.name: field for field in (*BUILT_IN, Field(name="budget", type="number", label="Budget"))}
OLD = RecordValues("a@b.io", 5, "ann", ("hot",), {"news": "subscribed"}, {"city": "Ulm", "company": "Acme"})


def changes(**given: Any) -> ProspectChanges:
    return ProspectChanges.model_validate(given)


def test_what_is_absent_stays() -> None:
    assert merged(OLD, changes(), CATALOGUE) == (OLD, [])


def test_fields_are_merged_and_null_clears_one() -> None:
    values, errors = merged(OLD, changes(fields={"city": None, "budget": 12.50}), CATALOGUE)
    assert errors == []
    assert values.fields == {"company": "Acme", "budget": 12.5}


def test_the_old_fields_are_not_changed_in_place() -> None:
    merged(OLD, changes(fields={"city": None}), CATALOGUE)
    assert OLD.fields == {"city": "Ulm", "company": "Acme"}


def test_tags_and_lists_are_replaced() -> None:
    values, _ = merged(OLD, changes(tags=("New",), lists=("beta",)), CATALOGUE)
    assert values.tags == ("New",)
    assert values.lists == {"beta": "subscribed"}


def test_null_takes_email_and_owner_away() -> None:
    values, _ = merged(OLD, changes(email=None, owner=None), CATALOGUE)
    assert (values.email, values.owner) == (None, None)


def test_every_wrong_field_is_named() -> None:
    _, errors = merged(OLD, changes(fields={"nope": 1, "budget": "much", "city": 7}), CATALOGUE)
    assert [error.pointer for error in errors] == ["/fields/nope", "/fields/budget", "/fields/city"]


def test_an_email_address_is_stored_trimmed() -> None:
    assert NewProspect(email="  a@b.io ").email == "a@b.io"


def test_a_tag_stands_once_in_its_first_spelling() -> None:
    assert distinct(["Hot", "HOT", "Stra\u00dfe", "cold", " hot"]) == ("Hot", "Stra\u00dfe", "cold")
    assert key("Hot") == key("HOT")


def test_a_bare_list_id_is_a_subscribed_membership() -> None:
    assert memberships(["news", Membership(id="beta", status="unsubscribed")]) == {
        "news": "subscribed",
        "beta": "unsubscribed",
    }
