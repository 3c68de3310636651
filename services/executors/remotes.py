"""The other systems that executors call: each with how patiently it is called."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.chassis.clock import Clock
from services.executors.adapters.lambdas import lambdas
from services.executors.adapters.mail import ProspectMail, UserMail
from services.executors.adapters.mail_transports import mail_transport
from services.executors.adapters.webhooks import Webhooks
from services.executors.core.retry import Schedule, doubling
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


@asynccontextmanager
async def _email(settings: ExecutorsSettings, _clock: Clock) -> AsyncIterator[Called]:
    async with mail_transport(settings.mail) as transport:
        yield Called(ProspectMail(transport, settings.mail, settings.tokens.read()), _mail_policy(settings))


@asynccontextmanager
async def _notify(settings: ExecutorsSettings, _clock: Clock) -> AsyncIterator[Called]:
    async with mail_transport(settings.mail) as transport:
        yield Called(UserMail(transport, settings.mail), _mail_policy(settings))


@asynccontextmanager
async def _lambda(settings: ExecutorsSettings, _clock: Clock) -> AsyncIterator[Called]:
    limits = settings.executors.remote
    deadline = timedelta(hours=limits.lambda_deadline_h)
    schedule = doubling(limits.lambda_retry_first_s, limits.lambda_retry_max_s, deadline)
    async with lambdas(settings.lambda_) as remote:
        yield Called(remote, Policy(schedule, settings.executors.bug_attempts_max))


def _mail_policy(settings: ExecutorsSettings) -> Policy:
    limits = settings.executors.remote
    deadline = timedelta(hours=limits.mail_deadline_h)
    schedule = doubling(limits.mail_retry_first_s, limits.mail_retry_max_s, deadline)
    return Policy(schedule, settings.executors.bug_attempts_max)


REMOTES: Final[Mapping[str, Callable[[ExecutorsSettings, Clock], AbstractAsyncContextManager[Called]]]] = {
    "email": _email,
    "lambda": _lambda,
    "notify": _notify,
    "webhook": _webhook,
}
"""By executor. One that is missing here has local actions only."""
