"""`finish dead-letters` against a stand-in that follows the console's contract; the real console has its own test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from deploy.errors import DeployError
from tests.support.finish_command import finish, json_lines, served, write_stack

PER_CALL = 3
ONE = str(UUID(int=1))


@dataclass
class StandInConsole:
    """Keeps dead letters in a dict. One call replays or deletes at most three; those of reason `malformed` never replay."""

    letters: dict[str, dict[str, Any]] = field(default_factory=dict)
    replayed: list[str] = field(default_factory=list)

    def add(self, count: int, **members: Any) -> None:
        for _ in range(count):
            letter_id = str(UUID(int=len(self.letters) + 1))
            self.letters[letter_id] = {
                "id": letter_id,
                "reason": "permanent",
                "error": "the owner is unknown",
                "topic": "finish.commands.owner.v1",
                "partition": 1,
                "offset": 7,
                "executor": "owner",
                "uid": None,
                "prospect_id": None,
                "first_time": "2026-01-31T12:00:00Z",
                "last_time": "2026-01-31T12:00:00Z",
                **members,
            }

    def matching(self, query: Any) -> list[dict[str, Any]]:
        named = {name: query[name] for name in query if name not in {"limit", "cursor"}}
        return [each for each in self.letters.values() if named.items() <= each.items()]

    async def page(self, request: web.Request) -> web.Response:
        start, limit = int(request.query.get("cursor", 0)), int(request.query["limit"])
        found = self.matching(request.query)
        more = str(start + limit) if start + limit < len(found) else None
        return web.json_response({"items": found[start : start + limit], "next": more})

    async def read(self, request: web.Request) -> web.Response:
        letter = self.letters.get(request.match_info["id"])
        if letter is None:
            return web.json_response({"title": "There is no such dead letter"}, status=404)
        return web.json_response({**letter, "value": {"encoding": "text", "content": '{"type": "x"}'}, "cut": False})

    async def replay(self, request: web.Request) -> web.Response:
        letter = self.letters[request.match_info["id"]]
        if letter["reason"] == "malformed":
            return web.json_response({"title": "It cannot be replayed", "detail": "it has no id"}, status=409)
        return self.done([letter], "replayed", left=False, status=202)

    async def replay_some(self, request: web.Request) -> web.Response:
        found = [each for each in self.matching(await request.json()) if each["reason"] != "malformed"]
        return self.done(found[:PER_CALL], "replayed", left=len(found) > PER_CALL, status=202)

    async def delete(self, request: web.Request) -> web.Response:
        del self.letters[request.match_info["id"]]
        return web.Response(status=204)

    async def delete_some(self, request: web.Request) -> web.Response:
        found = self.matching(request.query)
        return self.done(found[:PER_CALL], "deleted", left=len(found) > PER_CALL, status=200)

    def done(self, letters: list[dict[str, Any]], past: str, *, left: bool, status: int) -> web.Response:
        for letter in letters:
            del self.letters[letter["id"]]
            if past == "replayed":
                self.replayed.append(letter["id"])
        return web.json_response({past: len(letters), "left": left}, status=status)


@pytest.fixture
async def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandInConsole]:
    stand_in = StandInConsole()
    monkeypatch.setenv("FA_CLI__STACK", str(tmp_path / "stack.json"))
    every, one = "/api/dead-letters", "/api/dead-letters/{id}"
    routes = [
        web.get(every, stand_in.page),
        web.post(f"{every}/replay", stand_in.replay_some),
        web.get(one, stand_in.read),
        web.post(f"{one}/replay", stand_in.replay),
        web.delete(one, stand_in.delete),
        web.delete(every, stand_in.delete_some),
    ]
    async with served(routes) as url:
        write_stack(tmp_path / "stack.json", console=url, api_key="fak_test")
        yield stand_in


async def test_a_list_shows_the_first_page_and_where_the_next_one_begins(
    console: StandInConsole, capsys: pytest.CaptureFixture[str]
) -> None:
    console.add(5)
    assert await finish("dead-letters", "list", "--limit", "2") == 0
    captured = capsys.readouterr()
    assert captured.out.count("the owner is unknown") == 2
    assert captured.err == "more: --cursor 2\n"
    await finish("dead-letters", "list", "--limit", "10", "--cursor", "2", "--json")
    captured = capsys.readouterr()
    assert [each["id"] for each in json_lines(captured.out)] == list(console.letters)[2:]
    assert captured.err == ""


async def test_a_list_goes_over_as_many_pages_as_it_takes(
    console: StandInConsole, capsys: pytest.CaptureFixture[str]
) -> None:
    console.add(450)
    assert await finish("dead-letters", "list", "--limit", "401", "--json") == 0
    assert len(json_lines(capsys.readouterr().out)) == 401


async def test_a_list_is_narrowed_by_every_filter(console: StandInConsole, capsys: pytest.CaptureFixture[str]) -> None:
    console.add(1)
    console.add(1, executor="tags", prospect_id="p")
    filters = ("--executor", "tags", "--reason", "permanent", "--prospect", "p")
    await finish("dead-letters", "list", *filters, "--topic", "finish.commands.owner.v1", "--json")
    assert [each["executor"] for each in json_lines(capsys.readouterr().out)] == ["tags"]
    await finish("dead-letters", "list", "--executor", "score")
    assert capsys.readouterr().out == "no dead letters\n"


async def test_one_is_shown_with_its_bytes(console: StandInConsole, capsys: pytest.CaptureFixture[str]) -> None:
    console.add(1)
    assert await finish("dead-letters", "show", ONE) == 0
    shown = capsys.readouterr().out
    assert '{"type": "x"}' in shown
    assert "the owner is unknown" in shown
    with pytest.raises(DeployError, match="There is no such dead letter"):
        await finish("dead-letters", "show", str(UUID(int=9)))


async def test_one_is_replayed_without_a_question(console: StandInConsole, capsys: pytest.CaptureFixture[str]) -> None:
    console.add(2)
    assert await finish("dead-letters", "replay", ONE) == 0
    assert console.replayed == [ONE]
    assert capsys.readouterr().out == "1 replayed\n"


async def test_what_cannot_be_replayed_is_told_and_the_others_go_on(
    console: StandInConsole, capsys: pytest.CaptureFixture[str]
) -> None:
    console.add(1, reason="malformed")
    console.add(1)
    both = list(console.letters)
    assert await finish("dead-letters", "replay", *both, "--yes") == 1
    captured = capsys.readouterr()
    assert captured.out == "1 replayed\n"
    assert f"{both[0]}: " in captured.err
    assert "It cannot be replayed: it has no id" in captured.err


@pytest.mark.parametrize("verb", ["replay", "delete"])
async def test_all_that_match_are_done_in_as_many_calls_as_it_takes(
    console: StandInConsole, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    console.add(7)
    console.add(2, executor="tags")
    assert await finish("dead-letters", verb, "--executor", "owner", "--yes") == 0
    assert {each["executor"] for each in console.letters.values()} == {"tags"}
    assert capsys.readouterr().out.startswith("7 of 7 ")


async def test_nothing_that_matches_is_no_mistake(console: StandInConsole, capsys: pytest.CaptureFixture[str]) -> None:
    assert await finish("dead-letters", "delete", "--executor", "owner") == 0
    assert capsys.readouterr().out == "0 of 0 deleted\n"


@pytest.mark.parametrize("verb", ["replay", "delete"])
async def test_many_are_not_touched_before_somebody_says_yes(
    console: StandInConsole, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    console.add(2)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    question = f"{verb.capitalize()} 2 dead letters, executor owner"
    with pytest.raises(DeployError, match=rf"^{question}\? Nobody is here to answer: say --yes"):
        await finish("dead-letters", verb, "--executor", "owner")
    assert len(console.letters) == 2


@pytest.mark.parametrize("arguments", [[], [ONE, "--executor", "owner"]])
@pytest.mark.parametrize("verb", ["replay", "delete"])
async def test_which_ones_must_be_said_by_ids_or_by_a_filter(
    console: StandInConsole, verb: str, arguments: list[str]
) -> None:
    console.add(1)
    with pytest.raises(DeployError, match=r"^say which ones: ids, or a filter"):
        await finish("dead-letters", verb, *arguments, "--yes")
    assert len(console.letters) == 1
