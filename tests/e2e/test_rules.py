"""The rules of product.md §5, each on the real services, broker and database. Named after the rule."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.chassis.settings import Kafka
from tests.support.deployment import Deployment
from tests.support.drain import drained
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess
from tests.support.workspace import Refusal, Workspace, fired, not_fired_because


def _rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


def _tag(action_id: str, *tags: str, **more: Any) -> dict[str, Any]:
    return {"id": action_id, "type": "add_tags", "params": {"tags": list(tags)}, **more}


def _add(action_id: str, amount: int, **more: Any) -> dict[str, Any]:
    return {"id": action_id, "type": "adjust_score", "params": {"op": "add", "amount": amount}, **more}


async def _asset(work: Workspace, actions: list[dict[str, Any]], kind: str = "redirect_link") -> str:
    """Create an asset with its list, and wait until ingest stamps it."""
    asset_id = await work.asset(actions, kind)
    await work.known(asset_id, 1, "redirect_link.clicked" if kind == "redirect_link" else f"{kind}.opened")
    return asset_id


async def _record_list(work: Workspace, actions: list[dict[str, Any]]) -> None:
    """Save the list of the asset `prospect`, and wait until ingest stamps it."""
    version = await work.save("prospect", actions)
    link = await work.asset()
    await work.known(link, 0)
    assert version >= 1


async def test_rule_1_original_values_score_5_plus_5_does_not_satisfy_a_sibling_that_asks_for_10(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 5), _tag("hot", "hot", criteria=_rule("original.score", ">=", 10))])
    prospect = await work.prospect(score=5)
    explained = await work.settled(await work.click(link, prospect))
    assert fired(explained) == {"plus": True, "hot": False}
    assert not_fired_because(explained) == {"hot": "criteria"}
    (condition,) = explained["decision"]["actions"][1]["conditions"]
    assert (condition["seen"], condition["expected"], condition["result"]) == (5, 10, False)
    record = await work.record(prospect)
    assert (record["score"], record["tags"]) == (10, [])


async def test_rule_2_sequential_two_clicks_back_to_back_with_every_executor_stopped(deployment: Deployment) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 5), _tag("hot", "hot", criteria=_rule("original.score", ">=", 10))])
    prospect = await work.prospect(score=5)
    await deployment.stop("executors")
    first, second = await work.click(link, prospect), await work.click(link, prospect)
    assert fired(await work.reached(second, "decided")) == {"plus": True, "hot": True}
    assert fired(await work.reached(first, "decided")) == {"plus": True, "hot": False}
    assert (await work.record(prospect))["score"] == 5
    await deployment.start("executors")
    await work.settled(second)
    record = await work.record(prospect)
    assert (record["score"], record["tags"]) == (15, ["hot"])


async def test_rule_2_sequential_a_cascade_of_the_first_click_is_seen_by_the_second_1_ms_later(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    await _record_list(work, [_add("ten", 10, trigger="tag_added", criteria=_rule("event.tags", "anyOf", ["visitor"]))])
    link = await _asset(
        work, [_tag("visitor", "visitor"), _tag("warm", "warm", criteria=_rule("original.score", ">=", 10))]
    )
    prospect = await work.prospect()
    first, second = (
        accepted["uid"] for accepted in await work.post(work.event(link, prospect), work.event(link, prospect))
    )
    assert fired(await work.settled(first)) == {"visitor": True, "warm": False}
    assert fired(await work.settled(second)) == {"visitor": True, "warm": True}
    record = await work.record(prospect)
    assert (record["score"], sorted(record["tags"])) == (10, ["visitor", "warm"])


async def test_rule_2_sequential_a_tag_added_removed_and_added_sets_off_exactly_two_sequences(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    await _record_list(work, [_add("one", 1, trigger="tag_added", criteria=_rule("event.tags", "anyOf", ["t"]))])
    add = await _asset(work, [_tag("add", "t")])
    remove = await _asset(work, [{"id": "remove", "type": "remove_tags", "params": {"tags": ["T"]}}])
    prospect = await work.prospect()
    clicks = [await work.click(asset, prospect) for asset in (add, remove, add, add)]
    for uid in clicks:
        await work.settled(uid)
    assert (await work.record(prospect))["score"] == 2
    assert len(await _raised(work, prospect, "prospect.tag_added")) == 2


async def test_rule_3_every_time_a_repeat_click_fires_and_a_retry_of_the_same_interaction_does_not(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1)])
    prospect = await work.prospect()
    event = work.event(link, prospect)
    (first,) = await work.post(event)
    (again,) = await work.post(event)
    third = await work.click(link, prospect)
    assert first["uid"] == again["uid"] != third
    await work.settled(third)
    assert (await work.record(prospect))["score"] == 2


async def test_rule_3_every_time_the_same_id_from_two_sources_is_two_interactions(deployment: Deployment) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1)])
    prospect = await work.prospect()
    event = work.event(link, prospect)
    accepted = await work.post({**event, "source": "shop"}, {**event, "source": "blog"})
    assert len({item["uid"] for item in accepted}) == 2
    for item in accepted:
        await work.settled(item["uid"])
    assert (await work.record(prospect))["score"] == 2


async def test_rule_4_never_expires_an_event_of_300_days_ago_on_an_archived_asset_still_fires(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1)])
    prospect = await work.prospect()
    await work.api("PATCH", f"/assets/{link}", {"status": "archived"})
    long_ago = (datetime.now(UTC) - timedelta(days=300)).isoformat()
    await work.settled(await work.click(link, prospect, time=long_ago))
    assert (await work.record(prospect))["score"] == 1


async def test_rule_5_not_retroactive_an_edit_and_a_reorder_between_acceptance_and_a_late_evaluation(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("a", 1), _add("b", 10)])
    prospect = await work.prospect()
    await deployment.stop("evaluator")
    before = (await work.post(work.event(link, prospect)))[0]
    assert before["actionlistversion"] == 1
    await work.save(link, [_add("a", 100), _add("b", 10)])
    order = await work.api("PUT", f"/assets/{link}/actions/order", {"order": ["b", "a"]})
    assert [action["id"] for action in order["actions"]] == ["b", "a"]
    await work.known(link, 3)
    after = (await work.post(work.event(link, prospect)))[0]
    assert after["actionlistversion"] == 3
    await deployment.start("evaluator")
    old, new = await work.settled(before["uid"]), await work.settled(after["uid"])
    assert [action["id"] for action in old["decision"]["actions"]] == ["a", "b"]
    assert [action["id"] for action in new["decision"]["actions"]] == ["b", "a"]
    assert (await work.record(prospect))["score"] == 1 + 10 + 10 + 100


async def test_rule_6_in_order_the_last_of_several_writes_to_one_attribute_wins(deployment: Deployment) -> None:
    work = deployment.workspace
    cities = [
        {"id": f"c{n}", "type": "change_field_value", "params": {"field": "city", "op": "set", "value": f"City {n}"}}
        for n in range(5)
    ]
    link = await _asset(work, cities)
    reset = await _asset(work, [{"id": "reset", "type": "adjust_score", "params": {"op": "set", "amount": 7}}])
    add = await _asset(work, [_add("plus", 1)])
    prospect = await work.prospect()
    uids = [await work.click(asset, prospect) for asset in (link, add, reset, add, link)]
    for uid in uids:
        await work.settled(uid)
    record = await work.record(prospect)
    assert (record["fields"]["city"], record["score"]) == ("City 4", 8)


async def test_rule_7_spam_the_fifth_click_of_one_address_and_prospect_is_discarded_and_explained(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1)])
    prospect, other = await work.prospect(), await work.prospect()
    uids = [await work.click(link, prospect, data={"ip": "203.0.113.7"}) for _ in range(6)]
    elsewhere = await work.click(link, prospect, data={"ip": "203.0.113.8"})
    somebody = await work.click(link, other, data={"ip": "203.0.113.7"})
    explained = [await work.settled(uid) for uid in (*uids, elsewhere, somebody)]
    assert [entry["decision"]["reason"] for entry in explained] == [None] * 4 + ["spam"] * 2 + [None] * 2
    assert not_fired_because(explained[4]) == {"plus": "spam"}
    assert [(await work.record(one))["score"] for one in (prospect, other)] == [5, 1]


async def test_rule_7_spam_unsubscribes_are_honoured_and_feeds_without_an_address_are_not_counted(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    mail = await _asset(
        work, [_add("opened", 1, trigger="opened"), _add("gone", 100, trigger="unsubscribed")], kind="list_email"
    )
    prospect = await work.prospect()
    leaves = [
        await work.click(mail, prospect, type="list_email.unsubscribed", data={"ip": "203.0.113.7"}) for _ in range(7)
    ]
    opens = [await work.click(mail, prospect, type="list_email.opened") for _ in range(7)]
    reasons = {(await work.settled(uid))["decision"]["reason"] for uid in (*leaves, *opens)}
    assert reasons == {None}
    assert (await work.record(prospect))["score"] == 707


async def test_rule_10_no_loops_two_sequences_that_trigger_each_other_end_at_depth_five(deployment: Deployment) -> None:
    work = deployment.workspace
    swap = [
        _tag("a", "a", trigger="tag_removed", criteria=_rule("event.tags", "anyOf", ["a"])),
        {
            "id": "not-a",
            "trigger": "tag_added",
            "type": "remove_tags",
            "params": {"tags": ["a"]},
            "criteria": _rule("event.tags", "anyOf", ["a"]),
        },
    ]
    await _record_list(work, swap)
    link = await _asset(work, [_tag("start", "a")])
    prospect = await work.prospect()
    explained = await work.settled(await work.click(link, prospect))
    depths, reasons = [], []
    while explained["derived"]:
        explained = await work.settled(explained["derived"][0])
        depths.append(explained["depth"])
        reasons.append(explained["decision"]["reason"])
    assert depths == [1, 2, 3, 4, 5, 6]
    assert reasons == [None] * 5 + ["loop"]


async def test_rule_12_explained_frequency_disabled_and_other_triggers_say_so(deployment: Deployment) -> None:
    work = deployment.workspace
    mail = await _asset(
        work,
        [
            _add("once", 1, trigger="opened", frequency={"once": True}),
            _add("off", 1, trigger="opened", enabled=False),
            _add("other", 1, trigger="unsubscribed"),
        ],
        kind="list_email",
    )
    prospect = await work.prospect()
    await work.settled(await work.click(mail, prospect, type="list_email.opened"))
    explained = await work.settled(await work.click(mail, prospect, type="list_email.opened"))
    assert not_fired_because(explained) == {"once": "frequency", "off": "disabled", "other": "trigger"}


async def test_record_triggers_from_another_writer_see_before_and_after(deployment: Deployment) -> None:
    work = deployment.workspace
    await _record_list(
        work,
        [_tag("built", "builder", trigger="updated", criteria=_rule("original.industry", "changedTo", "Construction"))],
    )
    prospect = await work.prospect(fields={"industry": "Retail"})
    async with deployment.database() as connection:
        await connection.execute(
            """UPDATE prospects SET fields = fields || '{"industry": "construction"}' WHERE id = $1""", prospect
        )
    await deployment.until(lambda: _has_tag(work, prospect, "builder"))
    # History may tell later than the effect is there.
    assert len(await eventually(lambda: _raised(work, prospect, "prospect.updated"))) == 1


async def _raised(work: Workspace, prospect: str, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in await work.timeline(prospect) if entry["type"] == kind]


async def _has_tag(work: Workspace, prospect: str, tag: str) -> bool:
    return tag in (await work.record(prospect))["tags"]


async def test_a_backfill_of_10000_prospects_fires_nothing_and_a_click_on_one_of_them_does(
    deployment: Deployment, kafka_settings: Kafka, stack_env: Mapping[str, str], tmp_path: Path
) -> None:
    work = deployment.workspace
    await _record_list(
        work,
        [_add(trigger, 1, trigger=trigger) for trigger in ("created", "updated", "tag_added", "score_changed")],
    )
    link = await _asset(work, [_tag("seen", "seen")])
    async with deployment.database() as connection:
        # As rows that are older than the outbox: no snapshot of theirs is in the log.
        async with connection.transaction():
            await connection.execute(
                """INSERT INTO prospects (id, email, score, tags, fields)
                   SELECT gen_random_uuid(), 'p' || n || '@example.com', n % 50, ARRAY['imported'], '{"city": "Bonn"}'
                   FROM generate_series(1, 10000) AS n"""
            )
            await connection.execute("DELETE FROM outbox")
        backfill = ServiceProcess("services.relay", "backfill", env=stack_env, folder=tmp_path)
        await backfill.start(wait_ready=False)
        assert await backfill.wait() == 0, backfill.log
        await drained(kafka_settings, deployment.database_url, 60)
        assert await connection.fetchval("SELECT count(*) FROM command_ledger") == 0
        known = "SELECT count(*) FROM decisions WHERE prospect_id NOT LIKE 'anon:%'"
        assert await connection.fetchval(known) == 0
        one = str(await connection.fetchval("SELECT id FROM prospects WHERE email = 'p10000@example.com'"))
    explained = await work.settled(await work.click(link, one))
    assert fired(explained) == {"seen": True}
    assert (await work.record(one))["tags"] == ["imported", "seen"]


async def test_rule_9_nothing_lost_a_broken_interaction_is_a_dead_letter_and_the_next_one_is_decided(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1)])
    stranger, prospect = "00000000-0000-4000-8000-000000000001", await work.prospect()
    lost = await work.click(link, stranger)
    assert (await work.reached(lost, "dead"))["status"] == "dead"
    letters = (await work.api("GET", "/dead-letters", params={"reason": "unknown_prospect"}))["items"]
    assert [letter["uid"] for letter in letters] == [lost]
    await work.settled(await work.click(link, prospect))


async def test_rule_9_nothing_lost_what_was_answered_202_is_settled_once_after_ingest_relay_and_evaluator_were_killed(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1)])
    prospect = await work.prospect()
    by_address = work.event(link, "", data={"email": "new@example.com"})  # creates its prospect, through the outbox
    del by_address["prospectid"]
    accepted = await work.post(work.event(link, prospect), by_address)
    victims = ("ingest", "relay", "evaluator")
    await asyncio.gather(*(deployment.kill(name) for name in victims))
    await asyncio.gather(*(deployment.start(name) for name in victims))
    for one in accepted:
        await work.settled(one["uid"])
    async with deployment.database() as connection:
        created = str(await connection.fetchval("SELECT id FROM prospects WHERE email = 'new@example.com'"))
        assert await connection.fetchval("SELECT count(*) FROM command_ledger") == 2
    assert [(await work.record(one))["score"] for one in (prospect, created)] == [1, 1]


@pytest.mark.parametrize("field", ["uid", "actionlistversion", "recordedtime"])
async def test_clients_cannot_set_what_ingest_stamps(deployment: Deployment, field: str) -> None:
    work = deployment.workspace
    link = await work.asset()
    with pytest.raises(Refusal) as refusal:
        await work.post(work.event(link, await work.prospect(), **{field: "1"}))
    assert refusal.value.status == 422


async def test_rule_8_once_fifty_interactions_posted_at_once_and_twice_have_each_effect_once(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await _asset(work, [_add("plus", 1), _tag("seen", "seen")])
    prospect = await work.prospect()
    events = [work.event(link, prospect) for _ in range(50)]
    await asyncio.gather(*(work.post(event) for event in events), *(work.post(event) for event in events))
    uids = {(await work.post(event))[0]["uid"] for event in events}
    for uid in uids:
        await work.settled(uid)
    assert (await work.record(prospect))["score"] == 50
