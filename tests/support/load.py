"""A steady load by a client that logs its intents and what was answered, and knows from this log alone what must be there.

Each prospect's steps follow one another: the next one begins when the one before was answered. What is left open, by a
503, a lost connection or a time-out, is posted again with the same event id until it is accepted.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID

import aiohttp
import pytest

from tests.model.expect import expect
from tests.model.expectation import Expected
from tests.model.log import Accepted, Changed, Created, ProspectLog, record
from tests.support.record_writer import RecordWriter
from tests.support.stories import ByHand, Refusable, Scene, Step, Touches, story
from tests.support.workspace import Refusal, Workspace

_ANSWER_TIMEOUT_S: Final = 5.0
_AGAIN_S: Final = 0.25
_UNPROCESSABLE: Final = 422


@dataclass(slots=True)
class ClientLog:
    """What was intended and what was answered. `answers` counts `ok`, `refused` and `unknown`."""

    prospects: dict[str, ProspectLog] = field(default_factory=dict)
    intents: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """Return how many events were accepted, repeats included."""
        return sum(isinstance(entry, Accepted) for log in self.prospects.values() for entry in log.entries)


class Load:
    """Prospects that come, act and go in `lanes` side by side, `per_s` requests a second, until told to stop."""

    def __init__(
        self,
        work: Workspace,
        scene: Scene,
        database_url: str,
        *,
        seed: int,
        lanes: int,
        per_s: float,
        tell: Callable[[int, Random], Iterator[Step]] = story,
    ) -> None:
        self._work, self._scene, self._writer = work, scene, RecordWriter(database_url)
        self._random, self._lanes, self._interval_s = Random(seed), lanes, 1 / per_s
        self._numbers, self._free_at = count(1), 0.0
        self._tell, self._seed, self._stopping = tell, seed, asyncio.Event()
        self.log = ClientLog()

    async def run(self) -> None:
        """Play until `stop`; those who act then come to their end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._lanes):
                group.create_task(self._lane())

    def stop(self) -> None:
        """Let nobody begin any more."""
        self._stopping.set()

    def expected(self) -> Mapping[str, Expected]:
        """Tell what must have become of every prospect."""
        definitions = self._scene.definitions
        return {prospect_id: expect(log, definitions) for prospect_id, log in self.log.prospects.items()}

    async def _lane(self) -> None:
        while not self._stopping.is_set():
            await self._play(next(self._numbers))

    async def _play(self, number: int) -> None:
        random = Random(self._random.random())
        prospect_id, email, score = (
            str(UUID(int=random.getrandbits(128), version=4)),
            f"p{number}.{self._seed}@example.com",
            number % 7,
        )
        await self._writer.create(prospect_id, email, score)
        created = Created(record({"email": email, "score": score}), self._listed, datetime.now(UTC), by="sql")
        log = self.log.prospects[prospect_id] = ProspectLog(prospect_id, [created])
        for step in self._tell(number, random):
            await self._turn()
            match step:
                case Touches():
                    await self._touch(log, step)
                case Refusable():
                    await self._refused(log)
                case ByHand():
                    await self._change(log, step)

    @property
    def _listed(self) -> int:
        return self._scene.newest("prospect")

    async def _turn(self) -> None:
        """Keep to the rate; turns that nobody took are not made up for."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + self._interval_s
        await asyncio.sleep(self._free_at - now)

    async def _touch(self, log: ProspectLog, step: Touches) -> None:
        events = [
            self._work.event(self._scene.assets[key], log.prospect_id, type=kind, data=data)
            for key, kind, data in step.events
        ]
        for _ in range(1 + step.again):
            accepted = await self._accepted(events)
            for event, answer in zip(events, accepted, strict=True):
                version = answer["actionlistversion"]
                assert version == self._scene.newest(event["subject"]), f"a stale version was stamped: {answer}"
                log.entries.append(Accepted(event, version, self._listed, datetime.now(UTC)))

    async def _accepted(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        while True:
            if (accepted := await self._post(events)) is not None:
                return accepted
            await asyncio.sleep(_AGAIN_S)

    async def _post(self, events: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Post once; None: nobody knows whether it was taken. Raises Refusal."""
        self.log.intents += [event["id"] for event in events]
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                accepted = await self._work.post(*events)
        except Refusal as refusal:
            open_ = refusal.status >= 500
            self.log.answers["unknown" if open_ else "refused"] += 1
            if not open_:
                raise
            return None
        except (aiohttp.ClientError, TimeoutError):
            self.log.answers["unknown"] += 1
            return None
        self.log.answers["ok"] += 1
        return accepted

    async def _refused(self, log: ProspectLog) -> None:
        with pytest.raises(Refusal) as refusal:
            await self._accepted([self._work.event("nowhere", log.prospect_id)])
        assert refusal.value.status == _UNPROCESSABLE, refusal.value

    async def _change(self, log: ProspectLog, step: ByHand) -> None:
        before = expect(log, self._scene.definitions)
        await self._writer.settled({command.id for done in before.interactions for command in done.commands})
        version = await self._writer.change(log.prospect_id, step.field, step.value)
        values = {**before.record, "fields": {**before.record["fields"], step.field: step.value}}
        log.entries.append(Changed(values, version, self._listed, datetime.now(UTC), by="sql"))
