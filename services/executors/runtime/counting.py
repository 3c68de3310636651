"""What is measured of deliveries that ended."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from services.executors import metrics
from services.executors.ports import Delivery, Outcome

log = structlog.get_logger()


def count(executor: str, ended: Sequence[tuple[Delivery, Outcome]], now: datetime) -> None:
    """Count how deliveries ended, once that is committed."""
    for delivery, outcome in ended:
        command = delivery.command
        metrics.EFFECTS.labels(executor, command.type, outcome.state).inc()
        if outcome.state == "dead":
            metrics.DEAD_LETTERS.labels(executor, outcome.reason).inc()
            log.warning("dead_letter_kept", executor=executor, reason=outcome.reason, error=outcome.error)
        elif delivery.replay_of is None:
            waited_s = (now - (command.not_before or command.recordedtime)).total_seconds()
            metrics.EVENT_TO_EFFECT_SECONDS.labels(executor).observe(max(waited_s, 0.0))
        if delivery.replay_of is not None:
            metrics.REPLAYS.labels(executor, outcome.state).inc()
