"""What the system says has become of a prospect: its record and its whole timeline, read through the console."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from deploy.demo.api import Api

_PAUSE_S: Final = 0.1
_PAUSE_MAX_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Observed:
    """A prospect as read, the timeline first: the record is at least as new. `timeline` has its interactions by uid."""

    timeline: dict[str, dict[str, Any]]
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def recorded(self) -> dict[str, datetime]:
        """Return the acceptance instants."""
        return {uid: datetime.fromisoformat(entry["recordedtime"]) for uid, entry in self.timeline.items()}


async def settled(api: Api, prospect_id: str, wanted: Callable[[Observed], set[str]], deadline: float) -> Observed:
    """Read a prospect until the wanted interactions, and all that came of any, are settled, or the deadline is over.

    `wanted` tells their uids from a reading: what must be there may depend on when interactions were accepted. `deadline`
    is on the monotonic clock; past it the last reading is returned as it is.
    """
    pause_s = _PAUSE_S
    while True:
        entries = await api.pages(f"/prospects/{prospect_id}/timeline")
        observed = Observed({entry["uid"]: entry for entry in entries})
        if is_settled(observed, wanted(observed)) or time.monotonic() > deadline:
            return replace(observed, record=await api.console("GET", f"/prospects/{prospect_id}"))
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _PAUSE_MAX_S)


def is_settled(observed: Observed, uids: set[str]) -> bool:
    """Say whether those interactions and all that are there have come to their end."""
    derived = {uid for entry in observed.timeline.values() for uid in entry["derived"]}
    return (uids | derived) <= observed.timeline.keys() and all(
        entry["status"] == "settled" for entry in observed.timeline.values()
    )
