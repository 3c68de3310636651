"""The end of the process by an error that is no record's own fault: nothing is acknowledged, and a clean process starts."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import structlog
from faust.tables.recovery import RebalanceAgain

from services.chassis.process import fail_stop

T = TypeVar("T")
log = structlog.get_logger()


async def or_stop(work: Awaitable[T]) -> T:
    """Return what `work` returns, or end the process. Faust and aiokafka log and swallow what is raised in their
    callbacks; only what Faust knows how to answer, a newer rebalance, goes on to it."""
    try:
        return await work
    except (asyncio.CancelledError, RebalanceAgain):
        raise
    except BaseException as exc:
        log.critical("evaluator_failed", exc_info=True)
        fail_stop(f"{type(exc).__name__}: {exc}" if _harmless(exc) else type(exc).__name__)


def _harmless(exc: BaseException) -> bool:
    """Tell whether its text is of our own making."""
    return type(exc).__module__.startswith("services.")
