"""The dead letter of a delivery."""

from schemas.dead_letters import letter_id
from schemas.outcomes import DeadReason
from services.executors.ports import DeadLetter, Delivery, Outcome


def letter_of(delivery: Delivery, outcome: Outcome, attempts: int) -> DeadLetter:
    """Return what is kept of a delivery that ended dead, or uncertain, after so many attempts."""
    reason: DeadReason = "exhausted" if outcome.reason == "exhausted" else "permanent"
    if outcome.state == "uncertain":
        reason = "uncertain"
    return DeadLetter(
        id=letter_id(delivery.topic, delivery.partition, delivery.offset, delivery.replay_of),
        reason=reason,
        error=outcome.error or "",
        topic=delivery.topic,
        partition=delivery.partition,
        offset=delivery.offset,
        key=delivery.key,
        value=delivery.value,
        command=delivery.command,
        attempts=attempts,
    )
