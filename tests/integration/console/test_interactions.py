"""Why: what the API tells of interactions, from rows as history and the executors write them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import orjson
import pytest

from schemas.identity import command_id
from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal, fired, not_fired_because

START: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACTIONS: Final[list[dict[str, Any]]] = [
    {"id": "tag", "name": "Tag", "trigger": "clicked", "type": "add_tags", "params": {"tags": ["x"]}},
    {
        "id": "score",
        "name": "Score",
        "trigger": "clicked",
        "type": "adjust_score",
        "params": {"op": "add", "amount": 5},
        "criteria": {"rules": [{"field": "original.score", "operator": ">=", "value": 10}]},
    },
    {
        "id": "off",
        "name": "Off",
        "trigger": "clicked",
        "type": "adjust_score",
        "params": {"op": "add", "amount": 1},
        "enabled": False,
    },
]


class History:
    """Writes rows as the history consumer and the executors do."""

    def __init__(self, console: Running, asset: str) -> None:
        self.console, self.asset = console, asset

    async def interaction(self, prospect: str, number: int = 0, *, decided: bool = True, **changes: Any) -> str:
        uid = str(uuid4())
        at = START + timedelta(seconds=number)
        decision = {
            "schema": 1,
            "step_version": 1,
            "uid": uid,
            "prospect_id": prospect,
            "type": "redirect_link.clicked",
            "asset_id": self.asset,
            "version": 1,
            "id": str(number),
            "source": "shop",
            "time": at.isoformat(),
            "recordedtime": at.isoformat(),
            "order": number << 14,
            "fired": [0],
            "reads": {"original.score": 5},
            **changes,
        }
        await self.console.rows(
            "INSERT INTO decisions VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            uid,
            prospect,
            self.asset,
            decision["type"],
            at,
            decision["order"],
            decision if decided else None,
            START if decided else None,
        )
        return uid

    async def outcome(self, uid: str, action: str, state: str, **more: Any) -> None:
        row = {"reason": None, "error": None, "attempts": 1, **more}
        await self.console.rows(
            "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, reason, error,"
            " attempts, recordedtime) VALUES ($1, $2, $3, $4, 'tags', 'add_tags', $5, $6, $7, $8, $9)",
            command_id(uid, action),
            uid,
            uuid4(),
            action,
            state,
            row["reason"],
            row["error"],
            row["attempts"],
            START,
        )

    async def dead_letter(self, uid: str, reason: str, command: str | None = None, executor: str | None = None) -> None:
        await self.console.rows(
            'INSERT INTO dead_letters (id, reason, error, topic, partition, "offset", value, uid, command_id, executor,'
            " first_time, last_time) VALUES (gen_random_uuid(), $1, 'why', 't', 0, 0, $2, $3, $4, $5, $6, $6)",
            reason,
            b"personal data",
            uid,
            command,
            executor,
            datetime.now(UTC),
        )


@pytest.fixture
async def history(console: Running) -> History:
    return History(console, await console.work.asset(ACTIONS))


async def test_each_action_is_explained_with_the_value_that_was_seen(console: Running, history: History) -> None:
    uid = await history.interaction(str(uuid4()))
    why = await console.work.why(uid)
    assert fired(why) == {"tag": True, "score": False, "off": False}
    assert not_fired_because(why) == {"score": "criteria", "off": "disabled"}
    (condition,) = why["decision"]["actions"][1]["conditions"]
    assert condition == {
        "field": "original.score",
        "operator": ">=",
        "expected": 10,
        "seen": 5,
        "result": False,
    }
    assert (why["uid"], why["asset_id"], why["decision"]["version"]) == (uid, history.asset, 1)
    assert why["time"] == why["recordedtime"] == "2026-01-31T12:00:00Z"


async def test_an_interaction_is_settled_when_all_its_commands_are(console: Running, history: History) -> None:
    uid = await history.interaction(str(uuid4()), fired=[0, 1])
    waiting = await console.work.why(uid)
    assert waiting["status"] == "decided"
    assert [command["outcome"]["state"] for command in waiting["commands"]] == ["waiting", "waiting"]
    assert [command["id"] for command in waiting["commands"]] == [command_id(uid, "tag"), command_id(uid, "score")]
    assert [command["type"] for command in waiting["commands"]] == ["add_tags", "adjust_score"]
    await history.outcome(uid, "tag", "done")
    assert (await console.work.why(uid))["status"] == "decided"
    await history.outcome(uid, "score", "dead", reason="permanent", error="out of range", attempts=3)
    settled = await console.work.why(uid)
    assert settled["status"] == "settled"
    assert settled["commands"][1]["outcome"] == {
        "state": "dead",
        "reason": "permanent",
        "attempts": 3,
        "next_at": None,
        "error": "out of range",
    }


async def test_an_interaction_without_commands_is_settled_once_it_is_decided(
    console: Running, history: History
) -> None:
    nothing = await history.interaction(str(uuid4()), fired=[])
    spam = await history.interaction(str(uuid4()), fired=[], reason="spam")
    no_list = await history.interaction(str(uuid4()), fired=[], version=0)
    assert [(await console.work.why(uid))["status"] for uid in (nothing, spam, no_list)] == ["settled"] * 3
    why = await console.work.why(spam)
    assert why["decision"]["reason"] == "spam"
    assert not_fired_because(why) == {"tag": "spam", "score": "spam", "off": "disabled"}
    assert (await console.work.why(no_list))["decision"]["actions"] == []


async def test_an_interaction_without_a_decision_is_accepted_or_dead(console: Running, history: History) -> None:
    uid = await history.interaction(str(uuid4()), decided=False)
    accepted = await console.work.why(uid)
    assert (accepted["status"], accepted["decision"], accepted["commands"]) == ("accepted", None, [])
    await history.dead_letter(
        uid, "permanent", command=str(uuid4())
    )  # a command's: history has not read the decision yet
    assert (await console.work.why(uid))["status"] == "accepted"
    await history.dead_letter(uid, "unknown_prospect")
    assert (await console.work.why(uid))["status"] == "dead"


async def test_only_a_dead_letter_may_know_an_interaction(console: Running, history: History) -> None:
    uid = str(uuid4())
    await history.dead_letter(uid, "malformed")
    why = await console.work.why(uid)
    assert (why["status"], why["type"], why["decision"]) == ("dead", None, None)


async def test_a_command_that_never_reached_the_ledger_is_told_by_its_dead_letter(
    console: Running, history: History
) -> None:
    uid = await history.interaction(str(uuid4()))
    await history.dead_letter(uid, "malformed", command=command_id(uid, "tag"))
    why = await console.work.why(uid)
    assert why["status"] == "settled"
    assert why["commands"][0]["outcome"]["state"] == "dead"
    assert why["commands"][0]["outcome"]["reason"] == "malformed"


async def test_the_version_that_decided_explains_also_after_an_edit(console: Running, history: History) -> None:
    uid = await history.interaction(str(uuid4()))
    await console.work.save(history.asset, [{**ACTIONS[1], "id": "new"}])
    assert list(fired(await console.work.why(uid))) == ["tag", "score", "off"]


async def test_what_was_set_off_names_what_set_it_off(console: Running, history: History) -> None:
    cause, child = str(uuid4()), str(uuid4())
    uid = await history.interaction(str(uuid4()), depth=2, caused_by=cause, derived=[child])
    why = await console.work.why(uid)
    assert (why["depth"], why["caused_by"], why["derived"]) == (2, cause, [child])


async def test_an_unknown_interaction_is_404(console: Running) -> None:
    with pytest.raises(Refusal) as refused:
        await console.work.why(str(uuid4()))
    assert refused.value.status == 404


async def test_a_timeline_is_newest_first_and_pages_without_gap(console: Running, history: History) -> None:
    prospect = await console.work.prospect()
    uids = [await history.interaction(prospect, number // 2, order=number) for number in range(7)]
    await history.interaction(str(uuid4()), 3)
    await history.outcome(uids[6], "tag", "no_change")
    entries: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await console.work.api("GET", f"/prospects/{prospect}/timeline", params={"limit": "2", **cursor})
        entries += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [entry["uid"] for entry in entries] == uids[::-1]
    assert entries[0]["status"] == "settled"
    assert entries[0]["decision"] == {"version": 1, "reason": None, "fired": ["tag"]}
    assert entries[0]["commands"][0]["outcome"]["state"] == "no_change"
    assert {entry["status"] for entry in entries[1:]} == {"decided"}


async def test_dead_letters_are_filtered_and_paged_and_show_no_bytes(console: Running, history: History) -> None:
    for number in range(3):
        await history.dead_letter(str(uuid4()), "permanent", executor="score" if number else "tags")
    await history.dead_letter(str(uuid4()), "malformed")
    everything = await console.work.api("GET", "/dead-letters")
    assert len(everything["items"]) == 4
    assert everything["items"][0]["reason"] == "malformed"
    assert "personal" not in orjson.dumps(everything).decode()
    assert everything["items"][0]["size_bytes"] == len(b"personal data")
    first = await console.work.api("GET", "/dead-letters", params={"reason": "permanent", "limit": "2"})
    rest = await console.work.api(
        "GET", "/dead-letters", params={"reason": "permanent", "limit": "2", "cursor": first["next"]}
    )
    assert len({item["id"] for item in (*first["items"], *rest["items"])}) == 3
    assert rest["next"] is None
    score = await console.work.api("GET", "/dead-letters", params={"executor": "score"})
    assert [item["executor"] for item in score["items"]] == ["score", "score"]
