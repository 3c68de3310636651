"""Which assets there are and which version of each list is the newest, as far as this process has read."""

from collections.abc import Mapping
from typing import Any

import structlog
from aiokafka import ConsumerRecord

from core.definitions import Definitions
from core.records import Refused, json_object
from schemas import topics
from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.settings import Kafka
from services.chassis.tail import Tail, TopicTail
from services.ingest import metrics

log = structlog.get_logger()


class AssetCache:
    """Follows `finish.definitions.v1` while `tail.run` runs. Before it is ready, nothing can be stamped."""

    def __init__(self, kafka: Kafka, clock: Clock, tail: Tail) -> None:
        self._definitions = Definitions()
        self.tail = TopicTail(
            kafka, kafka.topic(topics.DEFINITIONS), self._take, client_id="finish-ingest", clock=clock, tail=tail
        )
        metrics.DEFINITIONS_LAG_SECONDS.set_function(lambda: self.tail.lag_s)

    def require_ready(self) -> None:
        """Return once all definitions were read. Raises RetryableError before."""
        if not self.tail.ready.is_set():
            raise RetryableError("the definitions are not read yet")

    def asset(self, asset_id: str) -> Mapping[str, Any] | None:
        """Return an asset's newest record."""
        return self._definitions.asset(asset_id)

    def newest(self, asset_id: str) -> int:
        """Return the newest version of an asset's list, 0 when it has none."""
        return self._definitions.newest(asset_id)

    async def catch_up(self, timeout_s: float) -> None:
        """Read what was published up to now. Raises RetryableError when that cannot be known in time."""
        try:
            await self.tail.catch_up(timeout_s)
        except TimeoutError:
            raise RetryableError("the definitions cannot be read") from None

    def _take(self, record: ConsumerRecord) -> None:
        """Take in one record; one that cannot be read is passed over, the evaluator makes the dead letter."""
        try:
            self._definitions.apply(json_object(record.value))
        except Refused as exc:
            metrics.DEFINITIONS_UNREADABLE.labels(exc.reason).inc()
            log.warning("definition_unreadable", reason=exc.reason, offset=record.offset)
