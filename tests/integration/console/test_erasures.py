"""Erasing: nothing personal is left in any table, whoever comes late; the log is told; ids, types and outcomes stay."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from schemas.dead_letters import DeadLetter
from schemas.decisions import Decision
from schemas.snapshots import Snapshot
from services.console.history.reading import Decided
from services.console.history.storing import store
from tests.integration.console.conftest import Running
from tests.support.canaries import tables_with
from tests.support.eventually import eventually
from tests.support.workspace import Refusal

AT: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
CANARY: Final = "kanari-7731"
WAITS: Final = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
OF_A_PROSPECT: Final = {
    "leads",
    "tasks",
    "notices",
    "mail_digests",
    "mails",
    "held_submissions",
    "prospect_identities",
    "resubscriptions",
    "command_ledger",
    "deliveries",
    "delivery_requests",
    "delivery_attempts",
    "decisions",
    "dead_letters",
    "erasures",
}
"""Tables with a column `prospect_id`: `services/console/sql/erasures.sql` has a statement for each."""


async def canary(console: Running) -> str:
    return await console.work.prospect(
        email=f"{CANARY}@example.com", tags=[CANARY], fields={"company": CANARY, "city": "Ulm"}
    )


def decided(prospect: str, uid: str, **changes: Any) -> Decided:
    document = {
        "schema": 1,
        "step_version": 1,
        "uid": uid,
        "prospect_id": prospect,
        "type": "redirect_link.clicked",
        "asset_id": "link",
        "version": 0,
        "id": f"click-of-{CANARY}",
        "source": "shop",
        "time": AT.isoformat(),
        "recordedtime": AT.isoformat(),
        "order": 1,
        "reads": {"original.company": CANARY},
        **changes,
    }
    return Decided(Decision.model_validate(document), document)


def letter(prospect: str | None, key: bytes | None = CANARY.encode()) -> DeadLetter:
    return DeadLetter.model_construct(
        id=uuid4(),
        reason="permanent",
        error="why",
        topic="finish.interactions.v1",
        partition=0,
        offset=0,
        key=key,
        value=CANARY.encode(),
        executor=None,
        uid=None,
        prospect_id=prospect,
        command_id=None,
        attempts=1,
        first_time=AT,
        last_time=AT,
    )


async def command(console: Running, prospect: str, state: str) -> UUID:
    identity = uuid4()
    await console.rows(
        "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, error, recordedtime)"
        " VALUES ($1, gen_random_uuid(), $2, 'a', 'email', 'send_email', $3, 'why', $4)",
        identity,
        UUID(prospect),
        state,
        AT,
    )
    return identity


async def erase(console: Running, prospect: str) -> dict[str, Any]:
    return dict(await console.work.api("DELETE", f"/prospects/{prospect}"))


async def test_an_erased_prospect_is_gone_and_leaves_a_receipt_that_a_repeat_answers_again(console: Running) -> None:
    prospect = await canary(console)
    await console.rows(
        "INSERT INTO leads (id, prospect_id, status, source) VALUES (gen_random_uuid(), $1, 'new', $2)",
        UUID(prospect),
        CANARY,
    )
    receipt = await erase(console, prospect)
    assert receipt == await erase(console, prospect)
    assert receipt == await console.work.api("GET", f"/prospects/{prospect}/erasure")
    assert (receipt["prospect_id"], receipt["erased_by"]) == (prospect, "test")
    assert (receipt["removed"]["record"], receipt["removed"]["leads"]) == (1, 1)
    assert CANARY not in orjson.dumps(receipt).decode()
    assert await tables_with(console.database.pool, CANARY) == {}
    for method, path, body in (("GET", "", None), ("PATCH", "", {"score": 1}), ("GET", "/timeline", None)):
        with pytest.raises(Refusal) as gone:
            await console.work.api(method, f"/prospects/{prospect}{path}", body)
        assert gone.value.status == 410


async def test_what_an_address_has_submitted_and_not_confirmed_goes_with_it(console: Running) -> None:
    prospect = await canary(console)
    await console.rows("INSERT INTO assets (id, kind, name) VALUES ('asking', 'form', 'F')")
    for email, of in ((f"{CANARY.upper()}@example.com", uuid4()), ("else@example.com", UUID(prospect))):
        await console.rows(
            "INSERT INTO held_submissions (id, form_id, email, prospect_id, values, data, submitted_at)"
            " VALUES (gen_random_uuid(), 'asking', $1, $2, '{}', '{}', now())",
            email,
            of,
        )
    await erase(console, prospect)
    assert await console.rows("SELECT FROM held_submissions") == []


async def test_what_was_never_there_is_404(console: Running) -> None:
    prospect = await console.work.prospect()
    for method, path in (
        ("DELETE", f"/prospects/{uuid4()}"),
        ("DELETE", "/prospects/x"),
        ("GET", f"/prospects/{prospect}/erasure"),
        ("GET", f"/prospects/{uuid4()}/erasure"),
    ):
        with pytest.raises(Refusal) as refused:
            await console.work.api(method, path)
        assert refused.value.status == 404


async def test_erasing_at_the_same_time_is_erasing_once(console: Running) -> None:
    prospect = await canary(console)
    receipts = await asyncio.gather(*(erase(console, prospect) for _ in range(5)))
    assert all(receipt == receipts[0] for receipt in receipts)
    assert await console.count("erasures") == 1


async def test_decisions_and_dead_letters_keep_what_happened_without_its_values(console: Running) -> None:
    actions = [
        {
            "id": "tag",
            "type": "add_tags",
            "params": {"tags": ["x"]},
            "criteria": {"rules": [{"field": "original.company", "operator": "=", "value": "Acme"}]},
        }
    ]
    asset = await console.work.asset(actions)
    prospect, other, uid, kept = await canary(console), await canary_of_another(console), str(uuid4()), str(uuid4())
    letters = [letter(prospect), letter(None, prospect.encode()), letter(other)]
    await store(
        console.database,
        [decided(prospect, uid, asset_id=asset, version=1), decided(other, kept, asset_id=asset, version=1), *letters],
    )
    assert (await console.work.why(uid))["decision"]["actions"][0]["conditions"][0]["seen"] == CANARY
    receipt = await erase(console, prospect)
    assert (receipt["removed"]["decisions"], receipt["removed"]["dead_letters"]) == (1, 2)
    (judged,) = (await console.work.why(uid))["decision"]["actions"]
    assert (judged["fired"], judged["reason"], judged["conditions"]) == (False, "criteria", [])
    assert (await console.work.why(kept))["decision"]["actions"][0]["conditions"][0]["seen"] == CANARY
    assert [entry["uid"] for entry in await console.work.timeline(prospect)] == [uid]
    stored = await console.rows("SELECT id, key, value FROM dead_letters")
    assert {row["id"]: (row["key"], row["value"]) for row in stored} == {
        letters[0].id: (None, None),
        letters[1].id: (None, None),
        letters[2].id: (CANARY.encode(), CANARY.encode()),
    }


async def canary_of_another(console: Running) -> str:
    return await console.work.prospect(email="other@example.com")


async def test_history_that_lags_behind_brings_nothing_back(console: Running) -> None:
    prospect, uid = await canary(console), str(uuid4())
    await erase(console, prospect)
    await store(
        console.database, [decided(prospect, uid, fired=[0]), letter(prospect), letter(None, prospect.encode())]
    )
    assert await tables_with(console.database.pool, CANARY) == {}
    assert await console.count("decisions") == 1
    assert await console.count("dead_letters") == 2
    document = (await console.rows("SELECT document FROM decisions"))[0]["document"]
    assert (document["uid"], document["fired"], document["reads"], document["id"]) == (uid, [0], {}, "")


async def test_history_under_way_while_a_prospect_is_erased_leaves_nothing_behind(
    console: Running, database_url: str
) -> None:
    prospect = await canary(console)
    late = await asyncpg.connect(database_url)
    transaction = late.transaction()
    await transaction.start()
    await late.execute(
        'INSERT INTO dead_letters (id, reason, error, topic, partition, "offset", value, prospect_id, first_time,'
        " last_time) VALUES (gen_random_uuid(), 'permanent', 'why', 't', 0, 0, $1, $2, $3, $3)",
        CANARY.encode(),
        prospect,
        AT,
    )
    erasing = asyncio.create_task(erase(console, prospect))
    await eventually(lambda: late.fetchval(WAITS))
    await transaction.commit()
    await late.close()
    assert (await erasing)["removed"]["dead_letters"] == 1
    assert await tables_with(console.database.pool, CANARY) == {}


async def test_pending_commands_are_suppressed_and_settled_ones_stay_as_they_ended(console: Running) -> None:
    prospect, other = await canary(console), await canary_of_another(console)
    before = {
        await command(console, of, state): (of, state)
        for of in (prospect, other)
        for state in ("waiting", "held", "retrying", "deferred", "done", "no_change", "dead", "uncertain")
    }
    receipt = await erase(console, prospect)
    assert receipt["removed"]["commands"] == 4
    rows = await console.rows("SELECT command_id, state, reason FROM command_ledger")
    assert {row["command_id"]: (row["state"], row["reason"]) for row in rows} == {
        identity: ("suppressed", "erased")
        if of == prospect and state in {"waiting", "held", "retrying", "deferred"}
        else (state, None)
        for identity, (of, state) in before.items()
    }


async def test_what_the_outbox_holds_goes_behind_the_erased_snapshot_without_its_data(unpublished: Running) -> None:
    prospect = UUID(int=7)
    await unpublished.rows("INSERT INTO prospects (id, email) VALUES ($1, $2)", prospect, f"{CANARY}@example.com")
    interaction = {"type": "redirect_link.clicked", "uid": "u", "id": CANARY, "data": {"form": {"name": CANARY}}}
    await unpublished.rows(
        "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('interactions', $1, 'interaction', $2)",
        str(prospect),
        interaction,
    )
    await unpublished.rows("UPDATE prospects SET tags = $2 WHERE id = $1", prospect, [CANARY])
    await unpublished.rows(
        "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('commands.webhook', $1, 'push', $2)",
        str(prospect),
        {"params": {"record": {"title": CANARY}}},
    )
    asking = asyncio.create_task(erase(unpublished, str(prospect)))
    await eventually(lambda: unpublished.count("erasures"))
    rows = await unpublished.rows("SELECT type, payload FROM outbox WHERE aggregateid = $1 ORDER BY seq", str(prospect))
    assert [row["type"] for row in rows] == ["snapshot", "interaction"]
    snapshot = Snapshot.model_validate(rows[0]["payload"])
    assert (snapshot.data.erased, snapshot.data.version, snapshot.data.values.email) == (True, 3, None)
    assert rows[1]["payload"] == {**interaction, "id": "", "data": {}}
    assert await tables_with(unpublished.database.pool, CANARY) == {}
    assert not asking.done()
    await unpublished.rows("DELETE FROM outbox")
    removed = (await asking)["removed"]
    assert (removed["snapshots"], removed["interactions"], removed["follow_ups"]) == (2, 1, 1)


async def test_a_replay_under_way_ends_and_what_forms_have_counted_goes_too(unpublished: Running) -> None:
    prospect, other = await _inserted(unpublished, CANARY), await _inserted(unpublished, "other")
    ours, theirs = letter(prospect), letter(other, b"key")
    await store(unpublished.database, [ours, theirs])
    await unpublished.rows("UPDATE dead_letters SET replayed_at = now()")
    await unpublished.rows(
        "INSERT INTO outbox (aggregatetype, aggregateid, type, payload)"
        " SELECT 'replay', id::text, 'replay', '{}' FROM dead_letters"
    )
    await unpublished.rows(
        "INSERT INTO spam_windows VALUES ('203.0.113.7', $1, '{1}'), ('203.0.113.7', 'other@example.com', '{1}')",
        f"{CANARY}@example.com",
    )
    asking = asyncio.create_task(erase(unpublished, prospect))
    await eventually(lambda: unpublished.count("erasures"))
    replays = await unpublished.rows("SELECT aggregateid FROM outbox WHERE aggregatetype = 'replay'")
    assert [row["aggregateid"] for row in replays] == [str(theirs.id)]
    assert await unpublished.count("spam_windows") == 1
    shown = await unpublished.work.api("GET", f"/dead-letters/{ours.id}")
    assert (shown["replayed_at"], shown["size_bytes"]) == (None, 0)
    assert "of an erased prospect" in shown["refusal"]
    await unpublished.rows("DELETE FROM outbox")
    await asking


async def _inserted(console: Running, name: str) -> str:
    (row,) = await console.rows(
        "INSERT INTO prospects (id, email) VALUES (gen_random_uuid(), $1) RETURNING id", f"{name}@example.com"
    )
    return str(row["id"])


async def test_the_address_of_an_erased_prospect_is_free_for_a_new_one(console: Running) -> None:
    prospect = await canary(console)
    await erase(console, prospect)
    again = await canary(console)
    assert again != prospect
    assert (await console.work.record(again))["version"] == 1


async def test_every_table_that_names_prospects_is_reached(console: Running) -> None:
    rows = await console.rows(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'prospect_id'"
    )
    assert {row["table_name"] for row in rows} == OF_A_PROSPECT
