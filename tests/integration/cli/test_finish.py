"""`finish` on real services, broker and database: what is sent is explained, and the doctor finds what is wrong."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka.admin import NewTopic

from deploy import topics
from deploy.errors import DeployError
from schemas.topics import ALL, INTERACTIONS
from services.chassis.settings import Kafka
from tests.support.abandoned import collect_abandoned_connections
from tests.support.databases import fresh_database
from tests.support.deployment import Deployment
from tests.support.eventually import eventually
from tests.support.finish_command import finish, json_lines

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT: Final = Path(__file__).parents[3]
NOBODY: Final = "127.0.0.1:1"
WARM: Final = {"id": "warm", "type": "adjust_score", "params": {"op": "add", "amount": 5}}
HOT: Final = {
    "id": "hot",
    "type": "add_tags",
    "params": {"tags": ["hot"]},
    "criteria": {"combinator": "and", "rules": [{"field": "original.score", "operator": ">=", "value": 10}]},
}

Findings = dict[str, dict[str, Any]]


async def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, Findings]:
    """Return the exit code and what was found, by check."""
    capsys.readouterr()
    code = await finish("doctor", "--json")
    return code, {finding["check"]: finding for finding in json_lines(capsys.readouterr().out)}


def with_state(findings: Findings, state: str) -> set[str]:
    return {check for check, finding in findings.items() if finding["state"] == state}


async def link(stack: Deployment) -> str:
    work = stack.workspace
    asset = await work.asset([WARM, HOT])
    await work.known(asset, 1)
    return asset


async def test_a_click_is_sent_and_why_shows_its_effect(stack: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    asset, prospect = await link(stack), await stack.workspace.prospect(score=3)
    click = ("send", "--type", "redirect_link.clicked", "--asset", asset, "--prospect", prospect)
    assert await finish(*click, "--id", f"{prospect}-1", "--json") == 0
    (sent,) = json_lines(capsys.readouterr().out)
    assert await finish("why", "--wait", sent["uid"]) == 0
    shown = capsys.readouterr().out
    for part in (sent["uid"], "settled", "fired", "done", "not fired: criteria", "original.score >= 10", "saw 3"):
        assert part in shown
    assert (await stack.workspace.record(prospect))["score"] == 8

    assert await finish(*click, "--id", f"{prospect}-1", "--json") == 0
    assert json_lines(capsys.readouterr().out)[0]["uid"] == sent["uid"]
    await finish("why", sent["uid"], "--json")
    (account,) = json_lines(capsys.readouterr().out)
    assert [command["outcome"]["state"] for command in account["commands"]] == ["done"]


async def test_of_a_file_what_ingest_refuses_is_told_and_the_rest_is_accepted(
    stack: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset, prospect = await link(stack), await stack.workspace.prospect()
    lines: list[dict[str, Any]] = [
        {"subject": asset},
        {"subject": "unknown-asset"},
        {"subject": asset, "time": "yesterday"},
        {"subject": asset, "data": {"text": "x" * 50_000}},
        {"subject": asset, "type": "prospect.created"},
        *[{"subject": asset}] * 40,
    ]
    file = tmp_path / "clicks.jsonl"
    file.write_text("".join(json.dumps({"id": f"{asset}-{n}", **line}) + "\n" for n, line in enumerate(lines)))
    gaps = ("--type", "redirect_link.clicked", "--prospect", prospect)
    assert await finish("send", str(file), *gaps, "--json") == 1
    told = json_lines(capsys.readouterr().out)
    refused = {each["line"]: {error["pointer"] for error in each["errors"]} for each in told if "errors" in each}
    assert refused == {2: {"/subject"}, 3: {"/time"}, 5: {"/type"}}
    await stack.workspace.settled(told[-1]["uid"])
    accepted = [each["uid"] for each in told if "uid" in each]
    for uid in accepted:
        await stack.workspace.settled(uid)
    assert (await stack.workspace.record(prospect))["score"] == 5 * len(accepted) == 5 * 42


async def test_an_interaction_that_is_not_known_is_waited_for_until_the_deadline(stack: Deployment) -> None:
    with pytest.raises(DeployError, match=r"is not known: was it accepted just now\? --wait waits for it"):
        await finish("why", "--wait", str(uuid4()), "--deadline", "0.3")


async def test_the_wrapper_runs_it_from_any_folder(stack: Deployment, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(ROOT / "finish"), "dead-letters", "list", "--executor", "nobody"),
        env=dict(os.environ),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60.0)
    assert (process.returncode, out, err) == (0, b"no dead letters\n", b"")


async def test_the_dead_letters_of_the_console_are_listed(
    stack: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    asset = await link(stack)
    lost = await stack.workspace.click(asset, str(uuid4()))
    await stack.workspace.reached(lost, "dead")
    await finish("dead-letters", "list", "--reason", "unknown_prospect", "--json")
    (letter,) = [each for each in json_lines(capsys.readouterr().out) if each["uid"] == lost]
    await finish("dead-letters", "list", "--reason", "unknown_prospect")
    assert letter["id"] in capsys.readouterr().out
    async with stack.database() as database:
        await database.execute("DELETE FROM dead_letters")


async def test_the_doctor_finds_nothing_wrong_with_a_healthy_deployment(
    stack: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    work = stack.workspace
    await work.settled(await work.click(await link(stack), await work.prospect()))

    async def healthy() -> bool:
        code, findings = await doctor(capsys)
        assert (code, with_state(findings, "failed"), with_state(findings, "warning")) == (0, set(), set()), findings
        assert {"broker", "topics", "database", "migrations", "outbox", "clock database", "clock console"} <= set(
            findings
        )
        assert {"lag evaluator", "lag history", "lag score", "relay", "evaluator", "console API"} <= set(findings)
        return True

    await eventually(healthy, 30.0, poll_s=0.5)
    assert await finish("doctor") == 0
    assert "warning 0, failed 0" in capsys.readouterr().out


async def test_the_doctor_names_a_service_that_is_stopped_and_what_waits_for_it(
    stack: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    work = stack.workspace
    asset, prospect = await link(stack), await work.prospect()
    await stack.stop("executors")
    try:
        uid = await work.click(asset, prospect)
        await work.reached(uid, "decided")

        async def noticed() -> bool:
            code, findings = await doctor(capsys)
            return code == 1 and with_state(findings, "failed") == {"executors", "lag score"}

        await eventually(noticed, 30.0, poll_s=0.5)
        _, findings = await doctor(capsys)
        assert findings["lag score"]["remedy"] == "start `python -m services.executors score`"
        assert findings["lag tags"]["state"] == "warning"
    finally:
        await stack.start("executors")
    await work.settled(uid)


async def test_the_doctor_names_a_broker_and_a_database_that_do_not_answer(
    stack: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FA_KAFKA__BOOTSTRAP", NOBODY)
    monkeypatch.setenv("FA_POSTGRES__URL", f"postgresql://finish:hush@{NOBODY}/finish")
    code, findings = await doctor(capsys)
    collect_abandoned_connections()
    assert (code, with_state(findings, "failed")) == (1, {"broker", "database"})
    assert "FA_KAFKA__BOOTSTRAP" in findings["broker"]["remedy"]
    assert findings["database"]["found"].startswith(f"{NOBODY}/finish does not answer")
    assert "hush" not in json.dumps(findings)


async def test_the_doctor_names_a_key_that_is_not_accepted_without_showing_it(
    stack: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FA_CLI__API_KEY", "fak_stranger")
    code, findings = await doctor(capsys)
    assert (code, with_state(findings, "failed")) == (1, {"console API"})
    assert "fak_stranger" not in json.dumps(findings)


async def test_the_doctor_names_a_database_that_is_not_migrated(
    stack: Deployment, database_server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fresh_database(database_server, "template0") as url:
        monkeypatch.setenv("FA_POSTGRES__URL", url)
        code, findings = await doctor(capsys)
    assert (code, with_state(findings, "failed")) == (1, {"migrations"})
    assert "python -m deploy.migrate" in findings["migrations"]["remedy"]


@pytest_asyncio.fixture(loop_scope="session")
async def odd_log(log: Kafka, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kafka]:
    """Yield a prefix under which there is one topic only, with a partition too few."""
    odd = log.model_copy(update={"topic_prefix": f"odd{uuid4().hex[:8]}."})
    async with topics.admin(odd) as admin:
        await admin.create_topics([NewTopic(odd.topic(INTERACTIONS), num_partitions=3, replication_factor=1)])
    monkeypatch.setenv("FA_KAFKA__TOPIC_PREFIX", odd.topic_prefix)
    yield odd
    await topics.remove(odd)


async def test_topics_are_made_and_one_that_differs_is_named(
    stack: Deployment, odd_log: Kafka, capsys: pytest.CaptureFixture[str]
) -> None:
    code, findings = await doctor(capsys)
    assert (code, findings["topics"]["remedy"]) == (1, "run `finish topics apply`")

    problem = f"the topic {odd_log.topic(INTERACTIONS)} has 3 partitions, 4 are needed"
    for made in ("created", "as declared"):
        assert await finish("topics", "apply") == 1
        captured = capsys.readouterr()
        assert captured.out.count(made) == len(ALL) - 1
        assert problem in captured.err

    code, findings = await doctor(capsys)
    assert code == 1
    name = f"topic {odd_log.topic(INTERACTIONS)}"
    assert {"partitions", name} <= with_state(findings, "failed")
    assert problem in findings[name]["found"]


async def test_another_count_in_the_settings_than_on_the_broker_is_a_warning_that_says_which(
    stack: Deployment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FA_TOPICS__KEYED_PARTITIONS", "9")
    _, findings = await doctor(capsys)
    assert findings["partitions"]["state"] == "warning"
    assert findings["partitions"]["remedy"] == "say FA_TOPICS__KEYED_PARTITIONS=4"
