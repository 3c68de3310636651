"""When a failed attempt is made again: a published schedule per kind of destination, with jitter, and a deadline.

Source: the schedules of `docs/design.md`; the webhook's is that of Standard Webhooks' operational advice. tenacity and stamina
retry a call within a process: these waits last for hours, outlive it and stand in a table.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds before the second attempt, the third and so on; with `lasting` the last step repeats until the deadline."""

    steps_s: tuple[float, ...]
    deadline: timedelta
    lasting: bool = False
    jitter: float = 0.2

    def delay_s(self, attempts: int, roll: float, after_s: float | None = None) -> float | None:
        """Return how long to wait after so many attempts, None when they are used up.

        `roll` is a random number in [0, 1). What the other side asks for counts within one and two times the step: less
        would be impatient, more would let it stop us.
        """
        if attempts > len(self.steps_s) and not self.lasting:
            return None
        step_s = self.steps_s[min(attempts, len(self.steps_s)) - 1]
        if after_s is not None:
            return min(max(after_s, step_s), 2 * step_s)
        return step_s * (1 + self.jitter * (2 * roll - 1))


def doubling(first_s: float, cap_s: float, deadline: timedelta) -> Schedule:
    """Return a schedule that doubles up to the cap and goes on with it."""
    steps_s = [first_s]
    while steps_s[-1] < cap_s:
        steps_s.append(min(2 * steps_s[-1], cap_s))
    return Schedule(tuple(steps_s), deadline, lasting=True)
