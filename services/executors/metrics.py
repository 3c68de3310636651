"""What the executors measure. Labels are executors, action types, outcomes and reasons: never an id."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EFFECTS: Final = Counter(
    "finish_effects_total", "Commands settled, by how they ended", ("executor", "action_type", "outcome")
)
REPEATS: Final = Counter(
    "finish_executor_repeats_total", "Commands dropped because they were settled before", ("executor",)
)
REPLAYS: Final = Counter(
    "finish_executor_replays_total", "Replays of dead letters, by how they ended", ("executor", "outcome")
)
PAUSED: Final = Gauge("finish_executor_paused", "1 while one of its action types is paused", ("executor",))
EVENT_TO_EFFECT_SECONDS: Final = Histogram(
    "finish_event_to_effect_seconds",
    "From the interaction's acceptance to the commit of the effect",
    ("executor",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
DEAD_LETTERS: Final = Counter(
    "finish_executor_dead_letters_total", "Records that ended as dead letters", ("executor", "reason")
)
LAG: Final = Gauge(
    "finish_executor_lag_records", "Records of the assigned partitions that are not settled yet", ("executor",)
)
BATCH_RECORDS: Final = Histogram(
    "finish_executor_batch_records", "Records per batch", ("executor",), buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
BATCH_SECONDS: Final = Histogram(
    "finish_executor_batch_seconds", "From a batch in hand to its commit, retries included", ("executor",)
)
RETRIES: Final = Counter(
    "finish_executor_retries_total", "Transactions tried again: the database's fault, or a bug", ("executor", "because")
)
BISECTIONS: Final = Counter(
    "finish_executor_bisections_total", "Batches taken apart to find a bad command", ("executor",)
)
COMMIT_FAILURES: Final = Counter(
    "finish_executor_offset_failures_total", "Offset commits that failed and are tried again", ("executor",)
)
ATTEMPTS: Final = Counter(
    "finish_delivery_attempts_total", "Attempts at other systems, by whether these worked", ("executor", "result")
)
DESTINATIONS_OPEN: Final = Gauge(
    "finish_delivery_destinations_open", "Destinations that are left alone because they fail", ("executor",)
)
DISABLED: Final = Counter(
    "finish_delivery_destinations_paused_total",
    "Destinations paused because they are gone or failed too long",
    ("executor",),
)
FENCED: Final = Counter(
    "finish_delivery_results_dropped_total", "Results that came after their lease was taken over", ("executor",)
)
