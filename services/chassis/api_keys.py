"""API keys: `Authorization: Bearer fak_...`, checked against the hashes in the table `api_keys`.

All live keys are held in memory and read again when they are older than `refresh_s`, so a revocation holds after that
time at the latest. While the database is away the last known keys hold; a key not among them is then answered 503,
because nobody can say that it is wrong. Of a key that was rotated two secrets are live until the older one is taken away.
"""

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import structlog
from aiolimiter import AsyncLimiter
from pydantic import PositiveFloat, PositiveInt

from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.postgres import Pool, translated
from services.chassis.problems import Problem
from services.chassis.settings import Concern
from services.chassis.sql_files import load_sql

Scope = Literal["events", "admin"]

SQL: Final = load_sql(Path(__file__).with_name("api_keys.sql"))
PREFIX: Final = "fak_"
ANY_SOURCE: Final = "*"
_KEY_MAX: Final = 128
_RETRY: Final = {"Retry-After": "1"}

log = structlog.get_logger()


class ApiKeyCache(Concern):
    """How long keys are believed, and how many fit."""

    refresh_s: PositiveFloat = 5.0
    retry_s: PositiveFloat = 0.25
    """Between two readings: a key that is not known waits this long for the next one."""
    read_timeout_s: PositiveFloat = 1.0
    keys_max: PositiveInt = 10_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who is asking, and what they may do."""

    id: str
    hash: bytes
    name: str
    scopes: frozenset[str]
    sources: frozenset[str]
    may_create: bool
    rate_per_s: int | None = None
    """Requests that each process answers, at most."""

    def may_send_as(self, source: str) -> bool:
        """Tell whether events of this source may come with this key. No source listed: none."""
        return ANY_SOURCE in self.sources or source in self.sources


def new_key() -> str:
    """Draw a key of 256 bits. It is shown once; only its hash is kept."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> bytes:
    """Return what the table keeps of a key. A key is random, so a plain hash cannot be reversed by guessing."""
    return hashlib.sha256(key.encode()).digest()


class ApiKeys:
    """The live keys of the table, as last read."""

    def __init__(self, pool: Pool, clock: Clock, cache: ApiKeyCache) -> None:
        self._pool, self._clock, self._cache = pool, clock, cache
        self._keys: dict[bytes, ApiKey] = {}
        self._tried_at = self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._limiters: dict[str, AsyncLimiter] = {}

    async def verify(self, authorization: str | None, scope: Scope) -> ApiKey:
        """Return the key of an `Authorization` header. Raises Problem 401, 403 or 429, RetryableError while nobody knows."""
        presented = key_hash(_bearer(authorization))
        asked_at = self._clock.monotonic()
        if self._may_read(asked_at):
            await self._refresh(asked_at)
        if presented not in self._keys:
            await self._refresh(asked_at)  # it may be new
            if self._read_at < asked_at:
                raise RetryableError("the API keys cannot be read", after=self._cache.retry_s)
        found = self._keys.get(presented)
        if found is None or not hmac.compare_digest(found.hash, presented):
            raise _unauthorized()
        if scope not in found.scopes:
            raise Problem(403, "wrong-scope", "This key may not do that", f"the scope {scope} is needed")
        if found.rate_per_s is not None:
            await self._limit(found.id, found.rate_per_s)
        return found

    async def _limit(self, key_id: str, rate_per_s: int) -> None:
        """Count a request. Raises Problem 429 for one too many."""
        limiter = self._limiters.get(key_id)
        if limiter is None or limiter.max_rate != rate_per_s:
            limiter = self._limiters[key_id] = AsyncLimiter(rate_per_s, 1.0)
        if not limiter.has_capacity():
            detail = f"at most {rate_per_s} a second"
            raise Problem(429, "too-many-requests", "Too many requests with this key", detail, headers=_RETRY)
        await limiter.acquire()

    def _may_read(self, now: float) -> bool:
        """Tell whether the keys are old, and this caller need not wait for another's reading or a pause to end."""
        if now - self._read_at <= self._cache.refresh_s:
            return False
        return not self._reading.locked() and now - self._tried_at > self._cache.retry_s

    async def _refresh(self, asked_at: float) -> None:
        """Read the table, unless somebody has since `asked_at`. One reading serves all who wait for it, and they come at
        least `retry_s` apart: however many unknown keys are tried, the database is asked no more often."""
        async with self._reading:
            if self._tried_at >= asked_at:
                return
            await asyncio.sleep(self._cache.retry_s - self._age_s(self._tried_at))
            self._tried_at = self._clock.monotonic()
            try:
                self._keys = await self._read()
                self._read_at = self._tried_at
            except RetryableError as exc:
                log.warning("api_keys_unread", reason=exc.reason)

    async def _read(self) -> dict[bytes, ApiKey]:
        with translated():
            async with asyncio.timeout(self._cache.read_timeout_s):
                rows = await self._pool.fetch(SQL["live_keys"], self._cache.keys_max)
        live = {row["id"] for row in rows}
        self._limiters = {key_id: limiter for key_id, limiter in self._limiters.items() if key_id in live}
        return {
            presented: ApiKey(
                id=row["id"],
                hash=presented,
                name=row["name"],
                scopes=frozenset(row["scopes"]),
                sources=frozenset(row["sources"]),
                may_create=row["may_create"],
                rate_per_s=row["rate_per_s"],
            )
            for row in rows
            for presented in (row["hash"], row["previous_hash"])
            if presented is not None
        }

    def _age_s(self, instant: float) -> float:
        return self._clock.monotonic() - instant


def _bearer(authorization: str | None) -> str:
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.startswith(PREFIX) or len(key) > _KEY_MAX or not key.isascii():
        raise _unauthorized()
    return key


def _unauthorized() -> Problem:
    return Problem(401, "unauthorized", "An API key is needed", headers={"WWW-Authenticate": "Bearer"})
