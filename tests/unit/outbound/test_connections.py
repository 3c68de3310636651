"""Where calls connect to, as an audit hook sees it: never where a name was made to lead inside."""

import asyncio
import sys
from typing import Any

import orjson
import pytest

from tests.support.http_sink import http_sink
from tests.unit.outbound.forbidden import IPV6, TARGETS

PUBLIC = "8.8.8.8"


async def _audited(**asked: Any) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.unit.outbound.audited",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(orjson.dumps(asked))
    seen: dict[str, Any] = orjson.loads(out)
    return seen


async def test_an_allowed_connection_is_seen() -> None:
    async with http_sink() as sink:
        name, url = f"hook.test:{sink.port}", f"http://hook.test:{sink.port}/x"
        seen = await _audited(allow=name, names={"hook.test": [["127.0.0.1"]]}, urls=[url])
        assert seen == {"connected": ["127.0.0.1"], "ends": ["200"]}
        assert len(sink.received) == 1


async def test_no_connection_is_seen_to_a_forbidden_address_that_a_name_leads_to() -> None:
    inside = [*TARGETS, *(f"::ffff:{target}" for target in TARGETS), *IPV6]
    inside = [address for address in inside if address != "2002:808:808::1"]
    names: dict[str, list[list[str]]] = {f"n{number}.test": [[address]] for number, address in enumerate(inside)}
    names |= {f"m{number}.test": [[PUBLIC, address]] for number, address in enumerate(inside)}
    seen = await _audited(allow="", names=names, urls=[f"https://{name}/hook" for name in names])
    assert seen["connected"] == []
    refusal = "permanent: the URL is refused: its host leads out of the public Internet"
    assert seen["ends"] == [refusal] * len(names)


@pytest.mark.parametrize("second", ["127.0.0.1", "169.254.169.254", "::1"])
async def test_a_name_that_leads_elsewhere_the_second_time_is_judged_the_second_time(second: str) -> None:
    urls = ["https://rebound.test/hook"] * 2
    seen = await _audited(allow="", names={"rebound.test": [[PUBLIC], [second]]}, urls=urls)
    assert set(seen["connected"]) <= {PUBLIC}
    assert seen["ends"][1].startswith("permanent: the URL is refused")


async def test_another_name_does_not_profit_from_what_the_operator_allows() -> None:
    async with http_sink() as sink:
        names = {"hook.test": [["127.0.0.1"]], "evil.test": [["127.0.0.1"]]}
        urls = [f"http://hook.test:{sink.port}/", "https://evil.test/", f"http://evil.test:{sink.port}/"]
        seen = await _audited(allow=f"hook.test:{sink.port}", names=names, urls=urls)
        assert seen["connected"] == ["127.0.0.1"]
        assert seen["ends"][0] == "200"
        assert all(end.startswith("permanent") for end in seen["ends"][1:])
