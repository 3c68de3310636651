"""`POST /v1/events`, what it accepts: durable in the log when it is answered, stamped and keyed."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import orjson
import pytest

from core.records import Interaction, decode
from schemas import topics
from schemas.interactions import Interaction as Contract
from services.chassis import kafka
from services.chassis.partitioner import partition_for
from tests.integration.ingest.conftest import SINGLE, Door, action_list, asset, event, publish
from tests.support.eventually import eventually

PROSPECT = "11111111-2222-4333-8444-555555555555"


async def test_an_accepted_event_is_in_the_log_under_its_prospect_with_every_stamp(door: Door) -> None:
    before = datetime.now(UTC)
    posted = event(id="click 1", data={"ip": "2001:db8::1", "url": "https://example.com/?q=ä", "campaign": {"n": 1.5}})
    answer = await door.post(posted)
    uid = str(uuid5(uuid5(NAMESPACE_URL, "shop"), "click 1"))
    assert answer.status == 202
    assert answer.body == {"accepted": [{"id": "click 1", "uid": uid, "actionlistversion": 3}]}
    ((key, document),) = await door.logged()
    assert key == PROSPECT
    interaction = Contract.model_validate(document)
    assert list(document) == list(Contract.model_fields)
    assert (str(interaction.uid), interaction.prospectid) == (uid, PROSPECT)
    assert (interaction.actionlistversion, interaction.prospectlistversion) == (3, 2)
    assert interaction.data == posted["data"]
    assert interaction.time == datetime.fromisoformat(posted["time"])
    assert before <= interaction.recordedtime <= datetime.now(UTC)
    assert document["recordedtime"].endswith("Z")


async def test_the_machine_reads_what_ingest_writes(door: Door) -> None:
    await door.post(event())
    ((_, document),) = await door.logged()
    assert isinstance(decode(orjson.dumps(document)), Interaction)


async def test_a_batch_is_answered_in_its_order_and_logged_in_each_prospects_order(door: Door) -> None:
    prospects = [f"{number:08x}-2222-4333-8444-555555555555" for number in range(20)]
    batch = [event(prospectid=prospects[index % 20]) for index in range(200)]
    answer = await door.post(batch)
    assert [each["id"] for each in answer.body["accepted"]] == [each["id"] for each in batch]
    logged = await door.logged()
    for prospect in prospects:
        assert [document["id"] for key, document in logged if key == prospect] == [
            each["id"] for each in batch if each["prospectid"] == prospect
        ]


async def test_records_lie_where_the_default_partitioner_of_kafka_puts_them(door: Door) -> None:
    await door.post([event(prospectid=f"{number:08x}-2222-4333-8444-555555555555") for number in range(50)])
    reader = kafka.consumer(
        door.settings, door.settings.topic(topics.INTERACTIONS), client_id="test", isolation="read_committed"
    )
    async with kafka.running(reader):
        places = [
            (record.partition, partition_for(record.key, 4))
            async for chunk in kafka.records_to_end(reader, reader.assignment())
            for record in chunk
        ]
    assert len(places) == 50
    assert all(found == expected for found, expected in places)


async def test_the_same_event_id_twice_in_one_batch_is_accepted_twice_as_one_interaction(door: Door) -> None:
    twin = event()
    first, second = (await door.post([twin, twin])).body["accepted"]
    assert first == second
    assert len(await door.logged()) == 2


async def test_plain_json_may_hold_one_event_or_an_array_and_an_empty_batch_is_nothing(door: Door) -> None:
    assert len((await door.post(event(), "application/json")).body["accepted"]) == 1
    assert len((await door.post([event(), event()], "application/json")).body["accepted"]) == 2
    assert (await door.post([])).body == {"accepted": []}


async def test_an_anonymous_event_has_the_key_of_its_browser(door: Door) -> None:
    answer = await door.post(event(prospectid=None, anonymousid="b-17"))
    assert answer.status == 202
    ((key, document),) = await door.logged()
    assert (key, document["prospectid"]) == ("anon:b-17", "anon:b-17")


async def test_a_prospects_id_is_one_key_however_it_is_written(door: Door) -> None:
    await door.post([event(prospectid=PROSPECT.upper()), event(prospectid=PROSPECT.replace("-", ""))])
    assert {key for key, _ in await door.logged()} == {PROSPECT}


async def test_archived_assets_accept_and_an_asset_without_a_list_has_version_0(door: Door) -> None:
    answer = await door.post([event(subject="old"), event(subject="mail", type="list_email.opened")])
    assert [each["actionlistversion"] for each in answer.body["accepted"]] == [0, 0]


async def test_a_version_published_a_moment_ago_is_stamped_within_milliseconds(door: Door) -> None:
    await door.define(action_list("link", "redirect_link", 4))

    async def stamped() -> bool:
        accepted = (await door.post(event())).body["accepted"][0]
        return bool(accepted["actionlistversion"] == 4)

    await eventually(stamped, 1.0)


async def test_an_asset_published_a_moment_ago_is_known(door: Door) -> None:
    for number in range(5):
        await door.define(asset(f"new-{number}", "hosted_file"))
        answer = await door.post(event(subject=f"new-{number}", type="hosted_file.downloaded"))
        assert answer.status == 202


async def test_poison_among_the_definitions_is_passed_over(door: Door) -> None:
    poison = (b"{", None, b"[]", {"schema": 99}, {"schema": 1, "record": "asset"})
    await publish(door.settings, topics.DEFINITIONS, *poison)
    await door.define(asset("behind", "form"))
    assert (await door.post(event(subject="behind", type="form.submitted"))).status == 202
    metrics = await door.process.metrics()
    unreadable = [value for name, value in metrics.items() if "definitions_unreadable_total{" in name]
    assert sum(unreadable) == len(poison)


async def test_many_requests_at_once_share_batches_and_all_are_durable(door: Door) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(door.post(event())) for _ in range(200)]
    assert {task.result().status for task in tasks} == {202}
    accepted = {task.result().body["accepted"][0]["uid"] for task in tasks}
    assert {document["uid"] for _, document in await door.logged()} == accepted
    metrics = await door.process.metrics()
    assert metrics['finish_ingest_accepted_total{type="redirect_link.clicked"}'] == 200
    assert metrics["finish_ingest_ack_seconds_count"] == 200


@pytest.mark.parametrize("days", [-365, 0.9])
async def test_a_believable_time_is_accepted(door: Door, days: float) -> None:
    time = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    assert (await door.post(event(time=time), SINGLE)).status == 202
