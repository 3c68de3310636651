"""The topics as AsyncAPI tells them are those that are made, and every reference leads to a schema."""

import json
from typing import Any

import pytest

from deploy.asyncapi import FILE, OWN, document, text
from schemas.topics import ALL

DOCUMENT = document()


def test_the_committed_file_is_up_to_date() -> None:
    assert FILE.read_text() == text(), "run: python -m deploy.asyncapi"


def test_every_topic_but_the_evaluators_own_is_a_channel() -> None:
    assert DOCUMENT["channels"].keys() == {topic.name for topic in ALL} - set(OWN)
    assert {each["channel"]["$ref"].removeprefix("#/channels/") for each in DOCUMENT["operations"].values()} == set(
        DOCUMENT["channels"]
    )


@pytest.mark.parametrize("channel", DOCUMENT["channels"].values(), ids=lambda channel: str(channel["address"]))
def test_what_travels_in_a_channel_has_a_schema(channel: dict[str, Any]) -> None:
    assert channel["messages"]
    for reference in channel["messages"].values():
        name = reference["$ref"].removeprefix("#/components/messages/")
        payload = DOCUMENT["components"]["messages"][name]["payload"]["$ref"]
        schema = json.loads((FILE.parent / payload).read_text())
        assert schema["$id"].startswith(f"urn:finish:schema:{name}:")
