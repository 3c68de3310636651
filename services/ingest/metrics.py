"""What ingest measures. Labels are types and kinds of problems: never an id, an address or a source."""

from functools import lru_cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED: Final = Counter("finish_ingest_accepted_total", "Interactions that are durable", ("type",))
accepted: Final = lru_cache(maxsize=64)(ACCEPTED.labels)
"""The counter of one type of interaction."""
REFUSED: Final = Counter("finish_ingest_refused_total", "Requests that were answered with a problem", ("reason",))
ACK_SECONDS: Final = Histogram(
    "finish_ingest_ack_seconds",
    "From the stamp of a request's interactions to the broker's acknowledgement of all",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0),
)
DROPPED: Final = Counter(
    "finish_ingest_dropped_total",
    "Interactions that were served and are lost: neither the log nor the outbox took them",
)
WRITTEN_BEHIND: Final = Gauge(
    "finish_ingest_written_behind", "Interactions whose request is served in any case, and that are not durable yet"
)
REDIRECTS: Final = Counter("finish_ingest_redirects_total", "Requests to redirect links", ("outcome",))
redirects: Final = lru_cache(maxsize=64)(REDIRECTS.labels)
"""The counter of one outcome."""
MAIL_REQUESTS: Final = Counter(
    "finish_ingest_mail_requests_total", "Requests to the addresses in mails", ("address", "outcome")
)
SEGMENT_IGNORED: Final = Counter(
    "finish_ingest_segment_ignored_total", "Messages of analytics SDKs that are nothing here", ("why",)
)
HOOK_RECORDS: Final = Counter(
    "finish_ingest_hook_records_total", "Records that a CRM told of, by what came of it", ("outcome",)
)
FEEDBACK: Final = Counter(
    "finish_ingest_feedback_total", "What mail services told of mails, by what came of it", ("service", "outcome")
)
FILE_REQUESTS: Final = Counter("finish_ingest_file_requests_total", "Requests to hosted files", ("outcome",))
FILE_BYTES: Final = Counter("finish_ingest_file_bytes_total", "Bytes of hosted files that were sent")
FILES_UNDER_WAY: Final = Gauge("finish_ingest_files_under_way", "Requests to hosted files that are being answered")
FILES_CUT_OFF: Final = Counter(
    "finish_ingest_files_cut_off_total", "Downloads that ended early: nobody took the bytes, or the store sent none"
)
REDIRECT_SECONDS: Final = Histogram(
    "finish_ingest_redirect_seconds",
    "From the request to a redirect link to its answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.06, 0.1, 0.25, 0.5, 1.0, 2.0),
)
CREATED: Final = Counter("finish_ingest_prospects_created_total", "Prospects created from an unknown e-mail address")
DEFINITIONS_LAG_SECONDS: Final = Gauge(
    "finish_ingest_definitions_lag_seconds", "For how long this process may have missed a definition"
)
DEFINITIONS_UNREADABLE: Final = Counter(
    "finish_ingest_definitions_unreadable_total", "Records of the definitions topic that were passed over", ("reason",)
)
PRODUCERS_REPLACED: Final = Counter("finish_ingest_producers_replaced_total", "Producers given up", ("cause",))
FORMS_DISCARDED: Final = Counter(
    "finish_ingest_forms_discarded_total", "Submissions that were taken for a machine's and discarded", ("reason",)
)
FORMS_HELD: Final = Counter(
    "finish_ingest_forms_held_total", "Submissions that were held until their address is confirmed"
)
FORM_SECONDS: Final = Histogram(
    "finish_ingest_form_seconds",
    "From a form's body to its answer",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
