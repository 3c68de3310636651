"""What the console measures. Labels are routes, statuses, topics and reasons: never an id."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter("finish_console_requests_total", "Requests answered", ("method", "route", "status"))
REQUEST_SECONDS: Final = Histogram(
    "finish_console_request_seconds",
    "From the request to its answer, waiting for publication included",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
PUBLICATIONS_WAITING: Final = Gauge(
    "finish_console_publications_waiting", "Saves that wait for the broker's acknowledgement"
)
PUBLICATIONS_LATE: Final = Counter(
    "finish_console_publications_late_total", "Saves answered before they were published"
)

REPLAYS: Final = Counter(
    "finish_console_dead_letter_replays_total", "Dead letters put on their way again", ("topic", "reason")
)
DELETIONS: Final = Counter("finish_console_dead_letter_deletions_total", "Dead letters deleted", ("topic", "reason"))
ERASURES: Final = Counter("finish_console_erasures_total", "Prospects erased")

HISTORY_LAG: Final = Gauge("finish_history_lag_records", "Records that history has not stored yet", ("topic",))
HISTORY_RECORDS: Final = Counter("finish_history_records_total", "Records that history has read", ("topic", "outcome"))
HISTORY_RETRIES: Final = Counter("finish_history_retries_total", "Batches tried again because the database was away")
DEAD_LETTERS: Final = Counter("finish_history_dead_letters_stored_total", "Dead letters stored", ("reason",))
