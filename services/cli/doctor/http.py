"""What answers over HTTP: each service's readiness, both APIs with the key, and their clocks."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from pydantic import SecretStr

from services.cli.doctor.clocks import judged_clock
from services.cli.doctor.findings import Finding, reason
from services.cli.settings import Cli

_HALF_SECOND: Final = 0.5
"""The Date header is cut to seconds."""
_NO_ANSWER: Final = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


async def examine_services(ops: Mapping[str, str], cli: Cli) -> list[Finding]:
    """Ask every service whose ops server is known whether it is ready."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=cli.timeout_s)) as session:
        return list(await asyncio.gather(*(_ready(session, name, url) for name, url in ops.items())))


async def _ready(session: aiohttp.ClientSession, name: str, url: str) -> Finding:
    try:
        async with session.get(f"{url.rstrip('/')}/readyz") as response:
            failing = (await response.json())["failing"]
    except (*_NO_ANSWER, LookupError, TypeError) as exc:
        return Finding("failed", name, f"{url} does not answer: {reason(exc)}", "start it; its log says why it stopped")
    if failing:
        reasons = "; ".join(f"{check}: {why}" for check, why in failing.items())
        return Finding("failed", name, f"not ready: {reasons}", "mend what it names; it goes on by itself")
    return Finding("ok", name, "ready")


async def examine_apis(console: str, ingest: str, key: SecretStr, cli: Cli) -> list[Finding]:
    """Ask both APIs, the console with the key, and compare their clocks with this machine's."""
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=cli.timeout_s)) as session:
        findings = await asyncio.gather(
            _answers(session, "console API", f"{console}/api/users", headers, cli),
            _answers(session, "ingest API", f"{ingest}/v1/events", {}, cli),
        )
    return [finding for pair in findings for finding in pair]


async def _answers(
    session: aiohttp.ClientSession, name: str, url: str, headers: Mapping[str, str], cli: Cli
) -> list[Finding]:
    asked = datetime.now(UTC)
    try:
        async with session.get(url, headers=headers) as response:
            answered = datetime.now(UTC)
    except _NO_ANSWER as exc:
        return [Finding("failed", name, f"{url} does not answer: {reason(exc)}", "start it, or correct its address")]
    if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return [Finding("failed", name, f"{url} does not accept the API key", "correct FA_CLI__API_KEY")]
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return [Finding("failed", name, f"{url} answers {response.status}", "its log says why")]
    findings = [Finding("ok", name, f"{url} answers")]
    if "Date" in response.headers:
        middle = asked + (answered - asked) / 2
        difference_s = (parsedate_to_datetime(response.headers["Date"]) - middle).total_seconds() + _HALF_SECOND
        findings.append(judged_clock(name.partition(" ")[0], difference_s, cli))
    return findings
