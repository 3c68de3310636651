"""What the relay measures. Labels are topics, reasons and kinds: never an id."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ACTIVE: Final = Gauge("finish_relay_active", "1 while this process is the one that publishes")
OUTBOX_AGE_SECONDS: Final = Gauge("finish_outbox_age_seconds", "Age of the oldest row that is not in the log yet")
PUBLISHED: Final = Counter("finish_relay_published_total", "Records acknowledged by the broker", ("topic",))
SUPERSEDED: Final = Counter(
    "finish_relay_superseded_total",
    "Rows left out: a snapshot of which the next one holds all, a replay without its letter",
)
DEAD_LETTERS: Final = Counter("finish_relay_dead_letters_total", "Rows that the log cannot take", ("reason",))
DEAD_LETTERS_PRESENT: Final = Gauge(
    "finish_dead_letters", "Dead letters that wait for somebody, counted while this process leads", ("topic", "reason")
)
INTERRUPTIONS: Final = Counter(
    "finish_relay_interruptions_total", "Times that publishing had to begin anew", ("cause",)
)
ROUND_SECONDS: Final = Histogram(
    "finish_relay_round_seconds",
    "From reading rows to their deletion",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0),
)
RETIRED: Final = Counter("finish_relay_retired_total", "Rows deleted because their time is over", ("kind",))
