"""Futures that a test lets wait, and the one timer that ends them."""

import asyncio
from typing import Any

from services.ingest.patience import Patience
from tests.support.eventually import eventually


def futures(count: int) -> list[asyncio.Future[Any]]:
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


def give_up(future: asyncio.Future[Any]) -> None:
    future.set_result("given up")


async def test_each_is_given_its_time_and_then_ended_in_the_order_in_which_they_came() -> None:
    ended: list[int] = []
    waiting = futures(3)

    def end(future: asyncio.Future[Any]) -> None:
        ended.append(waiting.index(future))
        give_up(future)

    patience = Patience(0.01, end)
    for future in waiting:
        patience.watch(future)
    assert not any(future.done() for future in waiting)
    await asyncio.gather(*waiting)
    assert ended == [0, 1, 2]


async def test_what_is_done_or_cancelled_before_is_left_alone_and_what_comes_later_is_ended_too() -> None:
    done, cancelled, waiting, late = futures(4)
    patience = Patience(0.01, give_up)
    for future in (done, cancelled, waiting):
        patience.watch(future)
    done.set_result("in time")
    cancelled.cancel()
    assert await waiting == "given up"
    assert done.result() == "in time"
    patience.watch(late)
    await eventually(late.done)
    assert late.result() == "given up"
