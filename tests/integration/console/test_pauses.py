from typing import Any

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal

WEBHOOK = {"id": "tell", "type": "fire_webhook", "params": {"url": "https://example.com/"}}
TAG = {"id": "tag", "type": "add_tags", "params": {"tags": ["seen"]}}


async def refused(console: Running, body: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await console.work.api("POST", "/pauses", body)
    return refusal.value


async def test_a_paused_type_says_what_else_stops_and_goes_on_when_its_pause_ends(console: Running) -> None:
    pause = await console.work.api("POST", "/pauses", {"scope": "type", "id": "add_tags"})
    assert (pause["scope"], pause["target"], pause["stops"]) == ("type", "add_tags", ["add_tags", "remove_tags"])
    assert await console.work.api("POST", "/pauses", {"scope": "type", "id": "add_tags"}) == pause
    outside = await console.work.api("POST", "/pauses", {"scope": "type", "id": "fire_webhook"})
    assert outside["stops"] == ["fire_webhook"]
    assert (await console.work.api("GET", "/pauses"))["items"] == sorted([pause, outside], key=lambda each: each["id"])
    assert await console.work.api("DELETE", f"/pauses/{pause['id']}") is None
    assert (await console.work.api("GET", "/pauses"))["items"] == [outside]
    with pytest.raises(Refusal) as refusal:
        await console.work.api("DELETE", f"/pauses/{pause['id']}")
    assert refusal.value.status == 404


async def test_one_action_is_paused_alone_only_if_it_reaches_outside(console: Running) -> None:
    asset = await console.work.asset([TAG, WEBHOOK])
    await console.work.save(asset, [TAG])
    pause = await console.work.api("POST", "/pauses", {"scope": "action", "id": f"{asset}/tell"})
    assert (pause["target"], pause["stops"]) == (f"{asset}/tell", [])
    refusal = await refused(console, {"scope": "action", "id": f"{asset}/tag"})
    assert (refusal.status, refusal.body["errors"][0]["pointer"]) == (422, "/id")
    assert "pause its type add_tags instead" in refusal.body["errors"][0]["detail"]


async def test_a_destination_is_kept_as_it_is_named(console: Running) -> None:
    pause = await console.work.api("POST", "/pauses", {"scope": "destination", "id": "hooks.example.com:443"})
    assert (pause["scope"], pause["target"], pause["stops"]) == ("destination", "hooks.example.com:443", [])


async def test_a_destination_that_is_resumed_gets_its_full_time_again(console: Running) -> None:
    await console.rows("INSERT INTO failing_destinations VALUES ('webhook', 'https://shop.example/', now())")
    await console.rows(
        "INSERT INTO pauses (id, scope, target, reason)"
        " VALUES ('auto-1', 'destination', 'webhook:https://shop.example/', 'it has failed for too long')"
    )
    await console.rows(
        "INSERT INTO deliveries (command_id, executor, destination, type, action, prospect_id, topic, partition,"
        ' "offset", value, due_at, waits, held, deadline_at)'
        " VALUES (gen_random_uuid(), 'webhook', 'https://shop.example/', 'fire_webhook', 'a/b', gen_random_uuid(), 't', 0, 0,"
        " '', now(), 0, 0, now())"
    )
    listed = (await console.work.api("GET", "/pauses"))["items"]
    assert [each["reason"] for each in listed if each["id"] == "auto-1"] == ["it has failed for too long"]

    await console.work.api("DELETE", "/pauses/auto-1")

    assert await console.rows("SELECT FROM failing_destinations") == []
    (delivery,) = await console.rows("SELECT deadline_at FROM deliveries WHERE destination = 'https://shop.example/'")
    assert delivery["deadline_at"] is None


async def test_what_cannot_be_paused_is_422(unpublished: Running) -> None:
    wrong: list[tuple[Any, str]] = [
        ({"scope": "type", "id": "grow_wings"}, "/id"),
        ({"scope": "action", "id": "nothing/at-all"}, "/id"),
        ({"scope": "action", "id": "alone"}, "/id"),
        ({"scope": "everything", "id": "x"}, "/scope"),
        ({"scope": "type"}, "/id"),
        ({"scope": "destination", "id": "two words"}, "/id"),
        ({"scope": "destination", "id": ""}, "/id"),
        ({"scope": "type", "id": "add_tags", "until": "tomorrow"}, "/until"),
    ]
    for body, pointer in wrong:
        refusal = await refused(unpublished, body)
        assert (refusal.status, [error["pointer"] for error in refusal.body["errors"]]) == (422, [pointer]), body
    assert await unpublished.count("pauses") == 0
