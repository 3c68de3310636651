"""Figures: webhooks and mails delivered, beside a bare client that sends the same bytes to the same servers."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import aiosmtplib
import asyncpg
import orjson

from schemas import topics
from schemas.identity import command_id, interaction_uid
from tests.benchmarks.evaluator import WrongError
from tests.benchmarks.figures import Bar, Figure
from tests.benchmarks.log import publish
from tests.benchmarks.measure import Span, drained, usage
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Program, Stage, program
from tests.benchmarks.system import populate
from tests.benchmarks.workload import SOURCE, Workload

WEBHOOKS: Final = 10_000
MAILS: Final = 5_000
PROSPECTS: Final = 2_000
DESTINATIONS: Final = 20
_AT_ONCE: Final = 8 * DESTINATIONS
_MAIL_AT_ONCE: Final = 8
_COLUMNS: Final = ("deliveries/s", "CPU us each")
_TEMPLATE: Final = "bench-mail"
_HTML: Final = '<p>Dear {{ prospect.email }},</p><p>See <a href="https://shop.example/offer">our offer</a>.</p>'
RATE: Final = {"FA_EXECUTORS__REMOTE__RATE_PER_S": "100000"}


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Deliver the same webhooks and mails with the executor and with a bare client."""
    figures = [
        Figure(
            f"deliveries-{key}",
            title,
            _COLUMNS,
            bars=(Bar(f"of the bare {bare}", "executor", f"bare {bare}", _COLUMNS[0], limit),),
            notes=(note,),
        )
        for key, title, bare, limit, note in (
            (
                "webhooks",
                "Webhooks",
                "aiohttp client",
                0.4,
                f"{DESTINATIONS} destinations, 8 requests at a time to each",
            ),
            ("mails", "Mails", "SMTP client", 0.4, f"{_MAIL_AT_ONCE} at a time to one server"),
        )
    ]
    for repeat in range(run.repeats):
        webhooks, mails = run.count(WEBHOOKS), run.count(MAILS)
        for figure, kind, count in ((figures[0], "webhook", webhooks), (figures[1], "email", mails)):
            async with stage.place() as place, program("tests.benchmarks.floors.sinks", {}) as sinks:
                span, sent = await _delivered(place, sinks, kind, count)
                figure.add("executor", deliveries_s=span.rate, cpu_us_each=span.cpu_us)
                floor = await _bare(_post if kind == "webhook" else _mail, sinks, sent, count)
                figure.add(
                    f"bare {'aiohttp' if kind == 'webhook' else 'SMTP'} client",
                    deliveries_s=floor.rate,
                    cpu_us_each=floor.cpu_us,
                )
            run.say(f"repeat {repeat + 1}: {kind} {span.rate:,.0f}/s, bare {floor.rate:,.0f}/s")
    return figures


async def _delivered(place: Place, sinks: Program, kind: str, count: int) -> tuple[Span, bytes]:
    workload = Workload(0, prospects=PROSPECTS)
    documents = [_command(kind, workload.prospect_ids[n % PROSPECTS], n, sinks) for n in range(count)]
    records = ((each["prospect_id"].encode(), orjson.dumps(each)) for each in documents)
    await publish(place.kafka, topics.commands(kind), records)
    http, smtp = sinks.hello["http"], sinks.hello["smtp"]
    process = place.service(
        "executors",
        kind,
        FA_WEBHOOK__ALLOW=f"127.0.0.1:{http}",
        FA_MAIL__HOST="127.0.0.1",
        FA_MAIL__PORT=str(smtp),
        FA_TOKENS__KEYS=f"k1:{'s' * 40}",
        **RATE,
    )
    async with place.connected() as database:
        await populate(database, workload)
        if kind == "email":
            await _template(database)

        async def done() -> int:
            return int(await database.fetchval("SELECT count(*) FROM command_ledger WHERE state = 'done'"))

        try:
            await process.start(wait_ready=False)
            span = await drained([process.pid], done, count)
        finally:
            await process.stop()
        seconds = await database.fetchval(
            "SELECT extract(epoch FROM max(ended_at) - min(started_at))::float8 FROM delivery_attempts"
        )
    await _check(sinks, "requests" if kind == "webhook" else "mails", count)
    sent = b"x" * 900 if kind == "webhook" else _message()
    return Span(count, float(seconds), span.cpu_us * count / 1e6, span.rss_bytes), sent


def _command(kind: str, prospect_id: str, number: int, sinks: Program) -> dict[str, Any]:
    if kind == "webhook":
        url = f"http://127.0.0.1:{sinks.hello['http']}/hook-{number % DESTINATIONS}"
        return command("fire_webhook", {"url": url}, prospect_id, number, datetime.now(UTC))
    return command("send_email", {"template": _TEMPLATE}, prospect_id, number, datetime.now(UTC))


def command(kind: str, params: dict[str, Any], prospect_id: str, number: int, at: datetime) -> dict[str, Any]:
    """Write a command as the evaluator does."""
    uid, now = interaction_uid(SOURCE, f"{kind}-{number}"), at.isoformat()
    return {
        "schema": 1,
        "id": command_id(uid, "action-0"),
        "uid": uid,
        "action_id": "action-0",
        "action_name": "Action 0",
        "asset_id": "asset-0",
        "version": 1,
        "prospect_id": prospect_id,
        "type": kind,
        "params": params,
        "order": number + 1,
        "depth": 0,
        "recordedtime": now,
        "interaction": {"uid": uid, "type": "redirect_link.clicked", "subject": "asset-0", "time": now, "data": {}},
    }


async def _template(database: asyncpg.Connection) -> None:
    await database.execute(
        "INSERT INTO assets (id, kind, name, settings) VALUES ($1, 'list_email', 'Bench', $2::text::jsonb)",
        _TEMPLATE,
        '{"subject": "An offer for {{ prospect.email }}"}',
    )
    await database.execute(
        "INSERT INTO templates (id, html_ready, text_ready) VALUES ($1, $2, $3)",
        _TEMPLATE,
        _HTML,
        "Dear {{ prospect.email }}, see https://shop.example/offer",
    )


def _message() -> bytes:
    """Return a mail of the size that the executor sends."""
    return b"Subject: An offer\r\n\r\n" + b"x" * 70 * 40 + b"\r\n"


async def _check(sinks: Program, what: str, count: int) -> None:
    """Raise WrongError unless everything has arrived once."""
    await sinks.tell({})
    arrived = (await sinks.line())[what]
    if arrived != count:
        raise WrongError(f"{arrived} {what} have arrived, {count} were expected")


Send = Callable[[Program, bytes, asyncio.Queue[int]], Awaitable[None]]


async def _bare(send: Send, sinks: Program, body: bytes, count: int) -> Span:
    """Send as much from this process, as many at a time."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(count):
        queue.put_nowait(number)
    before, began_s = usage([os.getpid()]), time.monotonic()
    await send(sinks, body, queue)
    seconds = time.monotonic() - began_s
    after = usage([os.getpid()])
    await _check(sinks, "requests" if send is _post else "mails", count)
    return Span(count, seconds, after.cpu_s - before.cpu_s, after.rss_bytes)


async def _post(sinks: Program, body: bytes, queue: asyncio.Queue[int]) -> None:
    url = f"http://127.0.0.1:{sinks.hello['http']}/hook-"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:

        async def work() -> None:
            while not queue.empty():
                async with session.post(f"{url}{queue.get_nowait() % DESTINATIONS}", data=body) as answer:
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


async def _mail(sinks: Program, body: bytes, queue: asyncio.Queue[int]) -> None:
    async def work() -> None:
        while not queue.empty():
            queue.get_nowait()
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=sinks.hello["smtp"], start_tls=False) as client:
                await client.sendmail("a@example.org", ["b@example.org"], body)

    await asyncio.gather(*(work() for _ in range(_MAIL_AT_ONCE)))
