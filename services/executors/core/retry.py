"""How long to wait before trying again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: anything between nothing and a ceiling that doubles up to `max_s`.

    Full, because many processes lose the same database at the same moment (Brooker, "Exponential Backoff and Jitter").
    """

    first_s: float
    max_s: float

    def delay_s(self, attempt: int, draw: float) -> float:
        """Return the seconds to wait after the `attempt`-th failure, counted from 1; `draw` is random in [0, 1)."""
        doublings = min(attempt - 1, 60)
        return draw * min(self.max_s, self.first_s * 2.0**doublings)
