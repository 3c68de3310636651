"""Play schedules: `python -m tests.simulation --schedules 10000`. A seed that ends wrong is told with what is wrong, and
`--first SEED --schedules 1` plays it again, step for step."""

import argparse
import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.simulation.schedule import Played, play

_CHUNK: Final = 100
_DIFFERENCES_MAX: Final = 8


def main() -> int:
    """Return 0 when every schedule ended as the model says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--enough", type=int, default=5, help="stop when so many ended wrong")
    parser.add_argument("--digests", action="store_true", help="print what tells two runs of a seed apart")
    told = parser.parse_args()
    _fix_hashes()
    played, counts, found = 0, Counter[str](), 0
    for one in _played(told.first, told.schedules, told.workers):
        played += 1
        counts += one.counts
        if told.digests:
            print(one.seed, one.digest)
        if one.differences:
            found += 1
            _tell(one)
        if found >= told.enough:
            break
    figures = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"{played} schedules from seed {told.first}, {found} ended wrong; {figures}")
    return 1 if found or not played else 0


def _fix_hashes() -> None:
    """Begin anew with fixed hashes: the order of a set is a part of the schedule."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )


def _played(first: int, count: int, workers: int) -> Iterator[Played]:
    chunks = [range(begin, min(begin + _CHUNK, first + count)) for begin in range(first, first + count, _CHUNK)]
    if workers == 1:
        yield from (one for chunk in chunks for one in _chunk(chunk))
        return
    with ProcessPoolExecutor(workers) as pool:
        try:
            for many in pool.map(_all_of, chunks):
                yield from many
        finally:
            pool.shutdown(cancel_futures=True)


def _all_of(seeds: range) -> list[Played]:
    return list(_chunk(seeds))


def _chunk(seeds: range) -> Iterator[Played]:
    gc.collect()
    gc.freeze()
    yield from map(_safely, seeds)


def _safely(seed: int) -> Played:
    """Play a seed; what is raised is what is wrong with it."""
    try:
        return play(seed)
    except Exception as exc:  # noqa: BLE001 - told with its seed, like any other difference
        return Played(seed, [f"{type(exc).__name__}: {exc}"], "")


def _tell(one: Played) -> None:
    print(f"seed {one.seed}: {len(one.differences)} differences")
    for text in one.differences[:_DIFFERENCES_MAX]:
        print(f"  {text}")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
