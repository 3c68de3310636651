"""Whatever a stranger sends is read or refused, by all that reads it. `make fuzz` goes on for longer, guided by coverage."""

import os
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.parsers import TARGETS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
NAMES = (
    "specversion", "id", "source", "type", "subject", "time", "prospectid", "externalid", "anonymousid", "data", "email",
    "RecordType", "Type", "ID", "Email", "MessageID", "Metadata", "finish_message_id", "BouncedAt", "SuppressSending",
    "Recipient", "SuppressionReason", "ChangedAt", "event-data", "event", "timestamp", "severity", "recipient", "message",
    "headers", "message-id", "user-variables", "signature", "token", "sg_event_id", "sg_message_id", "reason", "status",
    "eventType", "notificationType", "bounce", "bounceType", "bouncedRecipients", "complaint", "complainedRecipients",
    "emailAddress", "mail", "messageId", "tags", "destination", "subscription", "newTopicPreferences", "TopicArn", "Message",
    "MessageId", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "userId", "anonymousId", "traits",
    "properties", "asset_id", "context", "messageId", "sentAt", "originalTimestamp", "ip", "userAgent", "page", "url",
)  # fmt: skip
VALUES = (
    "1.0", "shop", "redirect_link.clicked", "link", "2026-03-02T11:00:00Z", "Bounce", "HardBounce", "SpamComplaint",
    "SubscriptionChange", "ann@example.org", "Permanent", "Notification", "SubscriptionConfirmation", "2", "failed",
    "permanent", "complained", "unsubscribed", "bounce", "dropped", "spamreport", "Link Clicked", "Complaint", "Subscription",
    "11111111-2222-4333-8444-555555555555", "arn:aws:sns:eu-west-1:123456789012:ses", "9999-12-31T23:59:59-23:59",
)  # fmt: skip
PIECES = (
    "{{ ", " }}", "{% if ", "{% for x in ", " %}", "{% endif %}", "{% endfor %}", "prospect.email", "<table>", "<tr>", "<td>",
    "</table>", "<a href='", "<style>p{", "}</style>", "<!--", "https://", "a@b", "[::1]", "%00", "&", "=", "bytes=", "-", ",",
    "v1.", "k1.", ";", "\r\n", "\u202e", "\ud7ff", "127.0.0.1", "1e400", '{"a":', "[", "]", "GoogleImageProxy", "prefetch",
)  # fmt: skip
_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(VALUES),
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=20),
)
_DOCUMENTS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), inner, max_size=8),
    ),
    max_leaves=25,
)
_INPUTS = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=20).map("".join).map(str.encode),
    _DOCUMENTS.map(
        lambda value: orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS) if _fits(value) else b"{}"
    ),
)


def _fits(value: Any) -> bool:
    """Tell whether all integers are of 64 bits: others cannot be written."""
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    return not isinstance(value, int) or -(2**63) <= value < 2**64


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_sent_is_read_or_refused(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_INPUTS)
    def read(raw: bytes) -> None:
        TARGETS[name](raw)

    read()
