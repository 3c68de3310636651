"""How long to wait before trying again. No randomness of its own: whoever wants jitter draws it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential: the first wait is `first_s`, each further one twice as long, up to `max_s`.

    Many processes that lose the same thing at the same moment need full jitter: a `draw` between 0 and 1 (Brooker,
    "Exponential Backoff and Jitter"). One that is alone with it needs none.
    """

    first_s: float
    max_s: float

    def delay_s(self, failures: int, draw: float = 1.0) -> float:
        """Return the seconds to wait after that many failures, counted from 1; `draw` is the share of them to wait."""
        doublings = min(failures - 1, 60)
        return draw * min(self.max_s, self.first_s * 2.0**doublings)
