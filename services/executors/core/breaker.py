"""A circuit breaker that is asked before work is taken.

purgatory and the like refuse a call that was begun already; here a delivery must not even be claimed while its destination is
out, or it would use up an attempt. So the breaker says how many attempts there is room for.

Source: the states of M. Nygard, Release It!, "Circuit Breaker".
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Open after so many failures in a row; after `open_s` one attempt at a time is let through, until one succeeds."""

    failures_max: int
    open_s: float
    failures: int = 0
    _open_until: float = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether the destination counts as well."""
        return self.failures < self.failures_max

    def room(self, in_flight: int, now_s: float) -> int | None:
        """Return how many more attempts may begin; None: any number."""
        if self.is_closed:
            return None
        return 0 if in_flight or now_s < self._open_until else 1

    def ended(self, *, well: bool, now_s: float) -> None:
        """Take note of an attempt's end. `well`: the other side works, whatever it thinks of the request."""
        if well:
            self.failures = 0
            return
        self.failures += 1
        if not self.is_closed:
            self._open_until = now_s + self.open_s
