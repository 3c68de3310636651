"""What every figure is told: how often, how large, and where to say how it goes."""

import sys
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """One run of `make bench`. `scale` shrinks every count and duration, for a quick look."""

    repeats: int
    scale: float
    mix: str
    _began_s: float = field(default_factory=time.monotonic)

    def count(self, full: int, least: int = 1000) -> int:
        """Return a count at this scale."""
        return max(round(full * self.scale), min(least, full))

    def seconds(self, full: float, least: float = 3.0) -> float:
        """Return a duration at this scale."""
        return max(full * self.scale, min(least, full))

    def say(self, text: str) -> None:
        """Show how it goes."""
        sys.stderr.write(f"{time.monotonic() - self._began_s:7.1f} s  {text}\n")
        sys.stderr.flush()
