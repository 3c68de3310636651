"""Sending against a server of ingest's contract: batches, retries with the same ids, refusals item by item."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from deploy.errors import DeployError
from tests.support.finish_command import finish, json_lines, served, write_stack

CLICK = ("--type", "redirect_link.clicked", "--asset", "offer")


@dataclass
class StandInIngest:
    """Accepts every event but those whose subject is `unknown`; first gives the answers that a test asks for."""

    answers: list[web.Response] = field(default_factory=list)
    bodies: list[list[dict[str, Any]]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def post(self, request: web.Request) -> web.Response:
        body = await request.json()
        events = body if isinstance(body, list) else [body]
        self.bodies.append(events)
        self.keys.add(request.headers["Authorization"])
        batched = request.content_type == "application/cloudevents-batch+json"
        assert batched is isinstance(body, list)
        if self.answers:
            return self.answers.pop(0)
        errors = [
            {"pointer": f"/{index}/subject" if batched else "/subject", "detail": "is not the id of an asset"}
            for index, event in enumerate(events)
            if event["subject"] == "unknown"
        ]
        if errors:
            return problem(422, errors=errors)
        accepted = [{"id": event["id"], "uid": f"uid-of-{event['id']}", "actionlistversion": 3} for event in events]
        return web.json_response({"accepted": accepted}, status=202)


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> web.Response:
    body = {"title": "It is so", "status": status, **members}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


@pytest.fixture
async def ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandInIngest]:
    stand_in = StandInIngest()
    monkeypatch.setenv("FA_CLI__STACK", str(tmp_path / "stack.json"))
    monkeypatch.setenv("FA_CLI__RETRY_PAUSE_S", "0.01")
    async with served([web.post("/v1/events", stand_in.post)]) as url:
        write_stack(tmp_path / "stack.json", ingest=url, api_key="fak_test")
        yield stand_in


def lines(tmp_path: Path, *events: dict[str, Any]) -> str:
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    return str(file)


async def test_one_interaction_is_told_by_options(ingest: StandInIngest, capsys: pytest.CaptureFixture[str]) -> None:
    assert await finish("send", *CLICK, "--id", "one", "--email", "a@example.com", "--data", "ip=203.0.113.7") == 0
    ((event,),) = ingest.bodies
    assert (
        event.items()
        >= {
            "specversion": "1.0",
            "id": "one",
            "source": "finish",
            "type": "redirect_link.clicked",
            "subject": "offer",
            "data": {"ip": "203.0.113.7", "email": "a@example.com"},
        }.items()
    )
    assert ingest.keys == {"Bearer fak_test"}
    shown = capsys.readouterr().out
    assert "uid-of-one" in shown
    assert "finish why --wait uid-of-one" in shown


async def test_while_ingest_is_away_the_same_ids_are_posted_again(ingest: StandInIngest) -> None:
    proxys = web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")
    ingest.answers = [problem(503, {"Retry-After": "0"}), problem(429), proxys]
    assert await finish("send", *CLICK) == 0
    assert len(ingest.bodies) == 4
    assert len({event["id"] for (event,) in ingest.bodies}) == 1


async def test_what_stays_away_is_one_sentence(ingest: StandInIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_CLI__RETRY_FOR_S", "0.05")
    ingest.answers = [problem(503) for _ in range(100)]
    with pytest.raises(DeployError, match=r"was answered 503 \(It is so\)"):
        await finish("send", *CLICK)


async def test_an_address_of_something_else_is_one_sentence(ingest: StandInIngest) -> None:
    ingest.answers = [web.Response(text="<html>Hello</html>", content_type="text/html")]
    with pytest.raises(DeployError, match="answers something else than JSON: is this the right address"):
        await finish("send", *CLICK)


async def test_many_are_sent_in_batches_and_told_in_their_order(
    ingest: StandInIngest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path, *({"id": str(number)} for number in range(2300)))
    assert await finish("send", file, *CLICK, "--json") == 0
    assert [len(events) for events in ingest.bodies] == [1000, 1000, 300]
    told = json_lines(capsys.readouterr().out)
    assert [each["id"] for each in told] == [str(number) for number in range(2300)]
    assert told[7] == {"line": 8, "id": "7", "uid": "uid-of-7", "actionlistversion": 3}


async def test_a_hyphen_reads_the_lines_of_stdin(ingest: StandInIngest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "a"}\n{"id": "b"}\n')))
    assert await finish("send", "-", *CLICK) == 0
    assert [event["id"] for event in ingest.bodies[0]] == ["a", "b"]


async def test_a_bad_one_does_not_keep_the_others_of_its_batch_from_being_sent(
    ingest: StandInIngest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path, {"id": "a"}, {"id": "b", "subject": "unknown"}, {"id": "c"})
    assert await finish("send", file, *CLICK, "--json") == 1
    assert [[event["id"] for event in events] for events in ingest.bodies] == [["a", "b", "c"], ["a", "c"]]
    first, second, third = json_lines(capsys.readouterr().out)
    assert (first["uid"], third["uid"]) == ("uid-of-a", "uid-of-c")
    assert second == {
        "line": 2,
        "id": "b",
        "errors": [{"pointer": "/subject", "detail": "is not the id of an asset"}],
    }


async def test_refusals_are_a_table_with_line_pointer_and_rule(
    ingest: StandInIngest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path, {"id": "a"}, {"id": "b", "subject": "unknown"})
    assert await finish("send", file, *CLICK) == 1
    shown = capsys.readouterr().out
    assert "/subject" in shown
    assert "is not the id of an asset" in shown
    assert "1 accepted, 1 refused" in shown


async def test_when_all_of_a_batch_are_bad_nothing_is_sent_again(ingest: StandInIngest, tmp_path: Path) -> None:
    file = lines(tmp_path, {"subject": "unknown"}, {"subject": "unknown"})
    assert await finish("send", file, *CLICK) == 1
    assert len(ingest.bodies) == 1


async def test_a_refusal_that_names_no_item_ends_it_and_what_was_accepted_is_told(
    ingest: StandInIngest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path, *({"id": str(number)} for number in range(1001)))
    ingest.answers = [
        web.json_response({"accepted": [{"id": str(n), "uid": f"u{n}", "actionlistversion": 1} for n in range(1000)]}),
        problem(401, detail="an API key is needed"),
    ]
    with pytest.raises(DeployError, match=r"was answered 401 \(It is so: an API key is needed\)"):
        await finish("send", file, *CLICK)
    assert "1000 accepted, 0 refused" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--type", "redirect_link.clicked"], ["--asset", "offer"]])
async def test_what_happened_to_which_asset_must_be_said(arguments: list[str]) -> None:
    with pytest.raises(DeployError, match=r"^what happened to which asset"):
        await finish("send", *arguments)


async def test_a_file_that_is_not_there_is_one_sentence(ingest: StandInIngest, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="cannot be read: No such file or directory"):
        await finish("send", str(tmp_path / "none.jsonl"), *CLICK)
    with pytest.raises(DeployError, match=r"^--id names one"):
        await finish("send", str(tmp_path / "none.jsonl"), "--id", "x")
