"""The closed sets of product.md §6: how an interaction, an action and a command stand or ended."""

from typing import Final, Literal, get_args

InteractionStatus = Literal["accepted", "decided", "settled", "duplicate", "dead"]
NotFired = Literal["trigger", "disabled", "criteria", "spam", "loop", "frequency", "anonymous", "erased"]
CommandState = Literal[
    "waiting", "held", "retrying", "deferred", "done", "no_change", "suppressed", "dead", "uncertain"
]
Suppressed = Literal["spam", "loop", "dependency", "consent", "duplicate", "erased", "anonymous", "no_recipient"]
DeadReason = Literal[
    "malformed",
    "unknown_type",
    "unknown_schema",
    "oversize",
    "unknown_prospect",
    "backlog",
    "duplicate_conflict",
    "permanent",
    "exhausted",
    "uncertain",
]

SETTLED: Final = frozenset({"done", "no_change", "suppressed", "dead", "uncertain"})
"""States that stay until somebody replays or deletes."""
DEAD_REASONS: Final[tuple[str, ...]] = get_args(DeadReason)
