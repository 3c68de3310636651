"""The database: there, new enough, migrated, its outbox emptied, its clock right, nothing waiting for an operator."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from core.decisions import STEP_VERSION
from deploy import migrate
from services.chassis import postgres as chassis
from services.chassis.errors import PermanentError
from services.chassis.settings import Postgres
from services.chassis.sql_files import load_sql
from services.cli.doctor.clocks import judged_clock
from services.cli.doctor.findings import Finding, graded, reason
from services.cli.settings import Cli

SQL: Final = load_sql(Path(__file__).with_name("doctor.sql"))
_COUNTED_MAX: Final = 10_000


async def examine_database(postgres: Postgres, cli: Cli) -> list[Finding]:
    """Examine the database; what needs its tables only when they are there."""
    bounded = postgres.model_copy(update={"connect_timeout_s": cli.timeout_s, "statement_timeout_s": cli.timeout_s})
    try:
        async with asyncio.timeout(cli.timeout_s), chassis.pool(bounded, application_name="finish") as pool:
            server = await _server(pool, cli)
            migrations = await _migrations(pool)
            usable = migrations.state == "ok"
            return [*server, migrations, *(await _contents(pool, cli) if usable else [])]
    except (*chassis.DRIVER_ERRORS, PermanentError) as exc:
        found = f"{_place(postgres)} does not answer as it must: {reason(exc)}"
        return [Finding("failed", "database", found, "start it, or correct FA_POSTGRES__URL")]


def _place(postgres: Postgres) -> str:
    """Return where the database is, without who asks and with which password."""
    parts = urlsplit(postgres.url.get_secret_value())
    return parts.netloc.rpartition("@")[2] + parts.path


async def _server(pool: chassis.Pool, cli: Cli) -> list[Finding]:
    asked = datetime.now(UTC)
    server = await pool.fetchrow(SQL["server"])
    answered = datetime.now(UTC)
    if server is None:
        raise AssertionError
    difference_s = (server["now"] - asked - (answered - asked) / 2).total_seconds()
    return [
        Finding("ok", "database", f"answers, PostgreSQL {server['version']}"),
        judged_clock("database", difference_s, cli),
    ]


async def _migrations(pool: chassis.Pool) -> Finding:
    known = {migration.version for migration in migrate.read()}
    applied = set()
    if await pool.fetchval(SQL["migrated"]):
        applied = {row["version"] for row in await pool.fetch(SQL["migrations"])}
    if newer := applied - known:
        remedy = "run the code that belongs to it"
        return Finding("failed", "migrations", f"the database is newer than this code: it has {max(newer)}", remedy)
    if missing := known - applied:
        remedy = "run `python -m deploy.migrate`"
        return Finding("failed", "migrations", f"missing: {', '.join(sorted(missing))}", remedy)
    return Finding("ok", "migrations", f"all {len(known)} applied")


async def _contents(pool: chassis.Pool, cli: Cli) -> list[Finding]:
    outbox = await pool.fetchrow(SQL["outbox"], _COUNTED_MAX + 1)
    if outbox is None:
        raise AssertionError
    letters = await pool.fetchval(SQL["dead_letters"], _COUNTED_MAX + 1)
    steps = {row["step"] for row in await pool.fetch(SQL["steps"], _COUNTED_MAX)}
    return [_outbox(outbox["waiting"], outbox["age_s"], cli), _letters(letters), _steps(steps)]


def _outbox(waiting: int, age_s: float, cli: Cli) -> Finding:
    state = graded(age_s, cli.outbox_warning_s, cli.outbox_failed_s)
    if state == "ok":
        return Finding("ok", "outbox", f"rows waiting: {_counted(waiting)}")
    found = f"rows waiting: {_counted(waiting)}, the oldest for {age_s:.0f} s"
    return Finding(state, "outbox", found, "is a relay running, and does the broker take what it publishes?")


def _letters(letters: int) -> Finding:
    if not letters:
        return Finding("ok", "dead letters", "none")
    remedy = "see `finish dead-letters list`, then replay or delete them"
    return Finding("warning", "dead letters", f"waiting for somebody: {_counted(letters)}", remedy)


def _steps(steps: set[int]) -> Finding:
    shown = ", ".join(str(step) for step in sorted(steps)) or "none lately"
    if steps - {STEP_VERSION}:
        found = f"decisions of the last minutes are of step {shown}, this code is step {STEP_VERSION}"
        return Finding("warning", "step", found, "drain the log before another step runs, and run one everywhere")
    return Finding("ok", "step", f"code {STEP_VERSION}, recent decisions {shown}")


def _counted(count: int) -> str:
    return str(count) if count <= _COUNTED_MAX else f"more than {_COUNTED_MAX}"
