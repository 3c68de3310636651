"""What the evaluator is told: `FA_EVALUATOR__*`. Membership (static id, session, heartbeat) stands in `FA_KAFKA__*`."""

from typing import ClassVar

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from core.limits import DEFAULT, Limits
from schemas.topics import EVALUATOR_GROUP
from services.chassis.settings import Concern, ServiceSettings


class Evaluator(Concern):
    """Rhythm and bounds of the lanes."""

    app_id: str = EVALUATOR_GROUP
    """The consumer group, and the beginning of the lanes' transactional ids."""
    epoch: int = Field(default=0, ge=0, le=127)
    """Raise it by one when the interactions topic was made anew: `order` goes on growing, positions of before are void."""

    spam_attempts: int = Field(default=DEFAULT.spam_attempts, ge=2, le=1000)
    """Links, files, mails, posted submissions: so many inside the window from one address, and the last is discarded. All
    evaluators need the same, or a replay decides otherwise."""
    spam_window_s: PositiveInt = DEFAULT.spam_window_ms // 1000

    checkpoint_interval_ms: PositiveInt = 200
    checkpoint_interval_max_ms: PositiveInt = 5_000
    """How long the interval may grow under load, when encoding states costs much. After a crash so much is evaluated
    again."""
    checkpoint_timeout_s: PositiveFloat = 30.0
    gather_ms: NonNegativeInt = 5
    """While few records come, wait so long for the next fetch to bring more of them."""
    fetch_wait_ms: PositiveInt = 250
    frame_records_max: PositiveInt = 500
    """Of one partition. Shorter frames are evaluated together, up to so many records."""
    frames_ahead_max: PositiveInt = 4
    """Per lane: frames that are evaluated and not yet acknowledged."""
    frames_queued_max: PositiveInt = 16
    states_decoded_max: PositiveInt = 5_000
    """Per lane: states kept ready for use; the others rest as bytes."""

    settle_timeout_s: PositiveFloat = 8.0
    """On revoke: what is evaluated is sent and checkpointed within it, or within 0.8 of a shorter session."""
    hydration_poll_ms: PositiveInt = 50
    catch_up_timeout_s: PositiveFloat = 1.0
    """How long all lanes wait for a version that a record cites, before its lane alone is paused."""

    definitions_timeout_s: PositiveFloat = 60.0
    """At the start: for reading all definitions."""
    refused_definitions_max: PositiveInt = 1_000
    """Unreadable definitions that wait to be sent as dead letters; more are only logged."""

    watchdog_s: PositiveFloat = 30.0
    """Longest time with lag and without a checkpoint."""
    watchdog_interval_s: PositiveFloat = 2.0
    rebalance_max_s: PositiveFloat = 300.0
    """Longest time from losing the partitions to evaluating again, hydration included."""

    @property
    def limits(self) -> Limits:
        """Return the bounds of the machine."""
        return Limits(spam_attempts=self.spam_attempts, spam_window_ms=self.spam_window_s * 1000)


class EvaluatorSettings(ServiceSettings):
    """Everything that the process is told."""

    name: ClassVar[str] = "evaluator"
    evaluator: Evaluator = Field(default_factory=Evaluator)

    @property
    def settle_timeout_s(self) -> float:
        """Return how long a revoke may take: as set, and never so long that the group gives the worker up meanwhile."""
        limit_ms = min(self.kafka.session_timeout_ms, self.kafka.rebalance_timeout_ms)
        return min(self.evaluator.settle_timeout_s, 0.8 * limit_ms / 1000)
