"""Every topic: its name, how many partitions, what the broker must keep. Made from code, never by auto-creation."""

from dataclasses import dataclass, field
from typing import Final

EXECUTORS: Final = (
    "tags",
    "score",
    "fields",
    "owner",
    "lists",
    "leads",
    "email",
    "notify",
    "tasks",
    "webhook",
    "lambda",
)
"""One command topic, one consumer group and, for the first six, one mark column each."""

RECORD_EXECUTORS: Final = EXECUTORS[:6]
OUTSIDE_EXECUTORS: Final = EXECUTORS[6:]
"""What they do is delivered: it waits for the record effects ahead of it."""
REMOTE_EXECUTORS: Final = ("email", "webhook", "lambda")
"""They reach other systems only: a deployment that sends nothing there needs none of them."""

INTERACTIONS: Final = "finish.interactions.v1"
DEFINITIONS: Final = "finish.definitions.v1"
DECISIONS: Final = "finish.decisions.v1"
EVALUATOR_STATE: Final = "finish.evaluator-state.v1"
DEAD_LETTERS: Final = "finish.dead-letters.v1"

KEYED_PARTITIONS: Final = 8
"""Default for a new deployment. All keyed topics have the same count: output partition = input partition."""

_HOUR_MS: Final = 3600 * 1000
_DAY_MS: Final = 24 * _HOUR_MS
_RECORD_MAX_BYTES: Final = 1024 * 1024


EVALUATOR_GROUP: Final = "finish-evaluator"
HISTORY_GROUP: Final = "finish.history"


def commands(executor: str) -> str:
    """Name the topic of one executor's commands."""
    return f"finish.commands.{executor}.v1"


def executor_group(executor: str) -> str:
    """Name the consumer group of one executor."""
    return f"finish.executor.{executor}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it must exist. `keyed` ones share the deployment's partition count, the others have one partition."""

    name: str
    keyed: bool
    config: dict[str, str] = field(default_factory=dict)


def _kept(days: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY_MS),
        "max.message.bytes": str(_RECORD_MAX_BYTES),
        "message.timestamp.type": "LogAppendTime",
    }


def _compacted() -> dict[str, str]:
    return {"cleanup.policy": "compact", "max.message.bytes": str(_RECORD_MAX_BYTES)}


def _forgetting() -> dict[str, str]:
    """Return the configuration of a compacted topic whose replaced records are gone within about a day.

    Without `max.compaction.lag.ms` a partition is cleaned only once half of it is new, which may be never: then the values
    of an erased prospect would stay. A segment is rolled by the next record that the partition takes.
    """
    return _compacted() | {"segment.ms": str(_HOUR_MS), "max.compaction.lag.ms": str(_DAY_MS)}


ALL: Final = (
    Topic(INTERACTIONS, keyed=True, config=_kept(7)),
    Topic(DEFINITIONS, keyed=False, config=_compacted()),
    *(Topic(commands(executor), keyed=True, config=_kept(7)) for executor in EXECUTORS),
    Topic(DECISIONS, keyed=True, config=_kept(7)),
    Topic(EVALUATOR_STATE, keyed=True, config=_forgetting()),
    Topic(DEAD_LETTERS, keyed=True, config=_kept(7)),
)
