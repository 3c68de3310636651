"""How often an action may fire for one prospect: every time, once, once per time, or the first so many times.

What fired while the action had no frequency does not count.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.chaos.model.params import duration


class Firings:
    """When each action of each asset fired, whatever the version of its list."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], list[datetime]] = defaultdict(list)

    def allows(self, asset_id: str, action: Mapping[str, Any], now: datetime) -> bool:
        """Say whether the action may fire once more."""
        fired = self._times[asset_id, action["id"]]
        match action.get("frequency", "every"):
            case {"once": True}:
                return not fired
            case {"first": count}:
                return len(fired) < int(count)
            case {"once_per": span}:
                return not fired or now - fired[-1] >= duration(span)
            case _:
                return True

    def note(self, asset_id: str, action: Mapping[str, Any], now: datetime) -> None:
        """Remember that it fired, if it has a frequency."""
        if action.get("frequency", "every") == "every":
            return
        self._times[asset_id, action["id"]].append(now)
