"""How an attempt ended, and what follows from it: pure, but for the dice that it is given."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.chassis.errors import PermanentError, RetryableError
from services.executors.core.retry import Schedule
from services.executors.ports import Again, Answer, Ending, GoneError, Outcome, Taken, UncertainError


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt that is over: the other side's answer, or the error that it ended with."""

    taken: Taken
    result: Answer | Exception
    repeatable: bool

    @property
    def well(self) -> bool:
        """Whether the destination works, whatever it thinks of the request."""
        return not isinstance(self.result, RetryableError)

    @property
    def gone(self) -> bool:
        """Whether the destination asks never to be called again."""
        return isinstance(self.result, GoneError)


@dataclass(frozen=True, slots=True)
class Policy:
    """How patiently an executor's attempts are repeated. `bugs_max`: so often an error of no known kind is met."""

    schedule: Schedule
    bugs_max: int
    disabled_after: timedelta | None = None


def verdict(attempted: Attempted, policy: Policy, now: datetime, roll: float) -> Ending | Again:
    """Return whether the delivery has ended, or when it is tried again."""
    taken, result = attempted.taken, attempted.result
    if isinstance(result, Answer):
        return Ending(taken, result.outcome, result)
    if isinstance(result, PermanentError):
        return Ending(taken, Outcome("dead", "permanent", result.reason))
    if isinstance(result, UncertainError) and not attempted.repeatable:
        return Ending(taken, Outcome("uncertain", error=result.reason))
    reason = result.reason if isinstance(result, RetryableError) else type(result).__name__
    attempts = taken.attempts + 1
    if not isinstance(result, RetryableError) and attempts >= policy.bugs_max:
        return Ending(taken, Outcome("dead", "exhausted", reason))
    if isinstance(result, GoneError):
        return Again(taken, now, reason)
    after_s = result.after if isinstance(result, RetryableError) else None
    delay_s = policy.schedule.delay_s(attempts, roll, after_s)
    if delay_s is None or (at := now + timedelta(seconds=delay_s)) > taken.deadline:
        return Ending(taken, Outcome("dead", "exhausted", reason))
    return Again(taken, at, reason, cut_off=isinstance(result, UncertainError))
