"""Figures: what ingest answers over HTTP, beside bare aiohttp handlers under the same load."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import orjson

from core.tokens import Token, TokenKey, issue
from schemas import topics
from tests.benchmarks.evaluator import WrongError
from tests.benchmarks.figures import Bar, Figure
from tests.benchmarks.floors.http_load import MARK
from tests.benchmarks.log import counts, publish
from tests.benchmarks.measure import Span, between, usage
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage, program
from tests.benchmarks.system import system
from tests.benchmarks.workload import Workload, posted_event
from tests.support.eventually import eventually

SECONDS: Final = 10.0
CONNECTIONS: Final = 64
BATCH: Final = 100
BATCH_CONNECTIONS: Final = 8
_COLUMNS: Final = ("items/s", "server CPU us", "load CPU us", "p50 ms", "p99 ms")
TOKEN_KEY: Final = TokenKey("bench", b"a-secret-of-the-benchmark-and-of-nobody-else")
KEYS: Final = f"{TOKEN_KEY.id}:{TOKEN_KEY.secret.decode()}"
_KEEPING: Final = {"ingest", "bare loop"}
"""The servers that must have put into the log what they answered, clicks perhaps a moment later."""
_BEHIND_S: Final = 10.0
FILE_BYTES: Final = 1024 * 1024
FILE_CONNECTIONS: Final = 8
_FILE: Final = "bench-file"
_FORM: Final = "bench-form"
_BLOB: Final = "0" * 32
_URLENCODED: Final = "application/x-www-form-urlencoded"
_SUBMITTED: Final = f"mail={quote(f'p{MARK}@example.com', safe='@')}&firm=Alder"
_NOTES: Final = {
    "form": ("every submission makes a prospect: count, record, snapshot and interaction in one transaction",),
    "file": (f"files of {FILE_BYTES // 1024} KiB; the bare one is sent by the kernel",),
}
_HOST: Final = "Host: 127.0.0.1"


@dataclass(frozen=True)
class Case:
    """Something that is asked of both; `items` are in each request, `status` is its answer."""

    name: str
    floor: str
    connections: int
    items: int
    ours: str
    bare: str
    status: str
    limit: float
    kept: Literal["log", "outbox"] = "log"

    @property
    def key(self) -> str:
        """Name its figure."""
        return f"ingest-{self.name}"


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Load ours and the bare handler by turns."""
    workload = Workload(0, prospects=1000)
    figures: dict[str, Figure] = {}
    for repeat in range(run.repeats):
        async with stage.place() as place:
            await publish(place.kafka, topics.DEFINITIONS, workload.definitions(), partitions=1)
            folder = place.folder / "blobs"
            await _hosted(place, folder)
            told = {"FA_TOKENS__KEYS": KEYS, "FA_BLOBS__FOLDER": str(folder)}
            async with system(place, "ingest", **told) as running:
                for case in cases(workload, running.key):
                    figure = figures.setdefault(case.key, _figure(case))
                    pid = running.processes["ingest"].pid
                    await _loaded(place, figure, case, _Server("ingest", case.ours, running.ingest_port, pid), run)
            await _bare(place, workload, figures, run, folder / _BLOB)
        run.say(f"repeat {repeat + 1}: " + "; ".join(f"{key} {_shown(figure)}" for key, figure in figures.items()))
    return list(figures.values())


@dataclass(frozen=True)
class _Server:
    series: str
    request: str
    port: int
    pid: int


def cases(workload: Workload, key: str) -> list[Case]:
    """Return what both sides are asked; `key` is of the API."""
    single = orjson.dumps(_event(workload, 0)).decode()
    batch = orjson.dumps([_event(workload, number) for number in range(BATCH)]).decode()
    token = issue(Token("link", workload.asset_ids()[0], workload.prospect_ids[0]), (TOKEN_KEY,))
    return [
        Case(
            "single",
            "bare 202",
            CONNECTIONS,
            1,
            _post("/v1/events", single, "application/cloudevents+json", key),
            _post("/accepted", single, "application/json", key),
            "202",
            0.5,
        ),
        Case(
            "batch",
            "bare loop",
            BATCH_CONNECTIONS,
            BATCH,
            _post("/v1/events", batch, "application/cloudevents-batch+json", key),
            _post("/events", batch, "application/json", key),
            "202",
            0.38,
        ),
        Case(
            "form",
            "bare 200",
            CONNECTIONS,
            1,
            _post(f"/s/{_FORM}", _SUBMITTED, _URLENCODED, key),
            _post("/submitted", _SUBMITTED, _URLENCODED, key),
            "200",
            0.0,
            "outbox",
        ),
        Case(
            "file",
            "bare FileResponse",
            FILE_CONNECTIONS,
            1,
            _get(f"/f/{issue(Token('file', _FILE, workload.prospect_ids[0]), (TOKEN_KEY,))}"),
            _get("/file"),
            "200",
            0.0,
        ),
        Case("redirect", "bare 302", CONNECTIONS, 1, _get(f"/r/{token}"), _get(f"/moved/{token}"), "302", 0.5),
    ]


def _event(workload: Workload, number: int) -> dict[str, Any]:
    return posted_event(workload.asset_ids()[number % workload.assets], workload.prospect_ids[number], MARK)


def _post(path: str, body: str, content_type: str, key: str) -> str:
    head = [f"POST {path} HTTP/1.1", _HOST, f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, f"Authorization: Bearer {key}", "", body])


def _get(path: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", _HOST, "User-Agent: Mozilla/5.0", "", ""])


def _figure(case: Case) -> Figure:
    return Figure(
        case.key,
        f"Ingest: {case.name}",
        _COLUMNS,
        bars=(Bar(f"of the {case.floor}", "ingest", case.floor, _COLUMNS[0], case.limit),) if case.limit else (),
        notes=(f"{case.connections} connections, {case.items} item(s) in a request", *_NOTES.get(case.name, ())),
    )


def _write(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(FILE_BYTES))


async def _hosted(place: Place, folder: Path) -> None:
    """Make a form and a hosted file."""
    _write(folder / _BLOB)
    file = {
        "blob": _BLOB, "name": "file.bin", "content_type": "application/octet-stream", "size": FILE_BYTES,
        "sha256": "0" * 64, "version": 1,
    }  # fmt: skip
    asset = {
        "schema": 1, "record": "asset", "id": _FILE, "kind": "hosted_file", "name": "F", "status": "active",
        "settings": {"file": file},
    }  # fmt: skip
    await publish(place.kafka, topics.DEFINITIONS, [(f"asset:{_FILE}".encode(), orjson.dumps(asset))], partitions=1)
    async with place.connected() as database:
        await database.execute(
            "INSERT INTO assets (id, kind, name, settings) VALUES ($1, 'form', 'F', $2::text::jsonb)",
            _FORM,
            orjson.dumps({"mapping": {"mail": "email", "firm": "company"}}).decode(),
        )


async def _bare(place: Place, workload: Workload, figures: Mapping[str, Figure], run: Run, file: Path) -> None:
    value_bytes = len(next(Workload(1, prospects=1).events())[1])
    task = {
        "bootstrap": place.kafka.bootstrap,
        "prefix": place.kafka.topic_prefix,
        "value_bytes": value_bytes,
        "file": str(file),
    }
    async with program("tests.benchmarks.floors.bare_http", task) as server:
        for case in cases(workload, "none"):
            bare = _Server(case.floor, case.bare, server.hello, server.pid)
            await _loaded(place, figures[case.key], case, bare, run)


async def _loaded(place: Place, figure: Figure, case: Case, server: _Server, run: Run) -> None:
    """Load one server and add what came of it. Raises WrongError when an answer, or the log, is not as it must be."""
    task = {
        "port": server.port,
        "connections": case.connections,
        "seconds": run.seconds(SECONDS, 2.0),
        "requests": [server.request],
    }
    async with counts(place.kafka) as found, place.connected() as database:

        async def kept() -> int:
            if case.kept == "log":
                return await found.of(topics.INTERACTIONS)
            return int(await database.fetchval("SELECT count(*) FROM outbox WHERE type = 'interaction'"))

        before = await kept()
        async with program("tests.benchmarks.floors.http_load", task) as load:
            first = usage([server.pid])
            result = await load.line()
            span = between(first, usage([server.pid]), 1)
        if server.series in _KEEPING:
            goal = before + result["requests"] * case.items

            async def reached() -> bool:
                return bool(await kept() >= goal)

            try:
                await eventually(reached, _BEHIND_S)
            except AssertionError:
                raise WrongError(f"{server.series}: fewer than {goal - before} records are kept") from None
    if result["lost"] or set(result["statuses"]) != {case.status}:
        raise WrongError(f"{server.series}: answers {result['statuses']}, {result['lost']} connections lost")
    _add(figure, case, server.series, span, result)


def _add(figure: Figure, case: Case, series: str, span: Span, result: Mapping[str, Any]) -> None:
    rate = result["requests"] * case.items / result["seconds"]
    figure.add(
        series,
        items_s=rate,
        server_cpu_us=span.cores / rate * 1e6,
        load_cpu_us=result["cpu_s"] / result["seconds"] / rate * 1e6,
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
    )


def _shown(figure: Figure) -> str:
    return ", ".join(f"{series} {runs[-1]['items/s']:,.0f}/s" for series, runs in figure.runs.items())
