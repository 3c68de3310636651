"""Wait for a condition instead of for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(condition: Callable[[], Awaitable[T]], deadline_s: float = 10.0, *, poll_s: float = 0.02) -> T: ...


@overload
async def eventually(condition: Callable[[], T], deadline_s: float = 10.0, *, poll_s: float = 0.02) -> T: ...


async def eventually(condition: Callable[[], Any], deadline_s: float = 10.0, *, poll_s: float = 0.02) -> Any:
    """Return the first true value of the condition, asked again and again until the deadline.

    An AssertionError inside counts as "not yet". Raises AssertionError with the last answer when time is up.
    """
    until = time.monotonic() + deadline_s
    while True:
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = f"the last answer was {value!r}"
        except AssertionError as exc:
            last = f"the last failure was: {exc}"
        if time.monotonic() >= until:
            raise AssertionError(f"not within {deadline_s} s; {last}")
        await asyncio.sleep(poll_s)
