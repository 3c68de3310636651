"""Whom a pool gives an interaction: rendezvous hashing, so that a replay chooses alike and a disabled user moves only theirs.

Source: Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996.
"""

from collections.abc import Iterable
from hashlib import blake2b


def choose(pool: Iterable[str], disabled: frozenset[str], uid: str) -> str | None:
    """Return the enabled member with the highest hash for `uid`; None when all are disabled."""
    enabled = [user for user in pool if user not in disabled]
    return max(
        enabled, key=lambda user: (blake2b(f"{uid}/{user}".encode(), digest_size=8).digest(), user), default=None
    )
