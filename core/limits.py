"""The bounds of the machine. They are part of its input: a log replayed under other limits may be decided otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults of product.md §5 and design.md §6. Past the caps of a prospect's state a record is a dead letter `backlog`."""

    spam_attempts: int = 5
    """This many attempts inside the window: the last of them is spam."""
    spam_window_ms: int = 300_000
    uids_kept_ms: int = 7 * 24 * 3_600_000
    uids_max: int = 2_000
    pending_max: int = 2_000
    state_max_bytes: int = 256 * 1024
    state_after_max_bytes: int = 640 * 1024
    """What one record may make of a state that was within its cap: a checkpoint is a record of a topic, too."""
    depth_max: int = 5
    commands_max: int = 200


DEFAULT = Limits()
