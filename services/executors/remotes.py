"""The other systems that executors call: each with how patiently it is called."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.chassis.clock import Clock
from services.executors.adapters.webhooks import Webhooks
from services.executors.core.retry import Schedule
from services.executors.ports import Remote
from services.executors.runtime.verdicts import Policy
from services.executors.settings import ExecutorsSettings
from services.outbound.calling import caller


@dataclass(frozen=True, slots=True)
class Called:
    """A system to call, and the policy of its attempts."""

    remote: Remote
    policy: Policy


@asynccontextmanager
async def _webhook(settings: ExecutorsSettings, clock: Clock) -> AsyncIterator[Called]:
    limits = settings.executors.remote
    schedule = Schedule(limits.webhook_steps_s, timedelta(hours=limits.webhook_deadline_h))
    disabled_after = timedelta(hours=limits.webhook_disabled_after_h)
    async with caller(settings.webhook) as http:
        remote = Webhooks(http, settings.webhook, clock)
        yield Called(remote, Policy(schedule, settings.executors.bug_attempts_max, disabled_after))


REMOTES: Final[Mapping[str, Callable[[ExecutorsSettings, Clock], AbstractAsyncContextManager[Called]]]] = {
    "webhook": _webhook,
}
"""By executor. One that is missing here has local actions only."""
