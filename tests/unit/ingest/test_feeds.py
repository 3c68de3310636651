"""Feeds of mail services: what is proven to be theirs, and what it tells."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from services.chassis.errors import RetryableError
from services.ingest.feeds.mailgun import Mailgun
from services.ingest.feeds.postmark import Postmark
from services.ingest.feeds.sendgrid import SendGrid, public_key
from services.ingest.feeds.ses import Ses
from services.ingest.feeds.sns import Sns
from services.ingest.feeds.told import Confirmation, ForeignError, StaleError, Told, UnreadableError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc123.pem"
COMMAND = "5066cffe-a79b-54c4-8745-c0b9a1adbbaf"


# SNS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certified(key: rsa.RSAPrivateKey, until: datetime = NOW + timedelta(days=1)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def signed(key: rsa.RSAPrivateKey, **changes: Any) -> dict[str, Any]:
    """Write a message as SNS does; what changes afterwards is in capitals below."""
    document: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": "{}",
        "Timestamp": NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        **changes,
    }
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{document[name]}\n" for name in names if name in document)
    document["Signature"] = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return document


class Amazon:
    """Where certificates are fetched from."""

    def __init__(self, pem: bytes) -> None:
        self.pem = pem
        self.fetched: list[str] = []

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.pem


async def _ses(amazon: Amazon, document: Mapping[str, Any], now: datetime = NOW) -> list[Told] | Confirmation:
    return await Ses(Sns([TOPIC], amazon.fetch, HOUR)).read({}, orjson.dumps(document), now)


MAIL = {
    "messageId": "0100018-ses",
    "tags": {"command_id": [COMMAND], "ses:caller-identity": ["x"]},
    "commonHeaders": {"messageId": f"<{COMMAND}@example.com>"},
}
BOUNCE = {
    "eventType": "Bounce",
    "mail": MAIL,
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "timestamp": "2026-03-02T11:59:00.000Z",
        "bouncedRecipients": [
            {"emailAddress": "ann@example.org", "status": "5.1.1", "diagnosticCode": "smtp; 550 \r\n no such user"},
            {"emailAddress": "bob@example.org"},
        ],
    },
}


async def test_a_bounce_through_sns_is_told_of_each_recipient(rsa_key: rsa.RSAPrivateKey) -> None:
    amazon = Amazon(certified(rsa_key))
    told = await _ses(amazon, signed(rsa_key, Message=orjson.dumps(BOUNCE).decode(), Subject="A subject"))
    assert isinstance(told, list)
    ann, bob = told
    assert ann == Told(
        id="m-1/0",
        kind="bounced",
        address="ann@example.org",
        at=datetime(2026, 3, 2, 11, 59, tzinfo=UTC),
        mails=(COMMAND, COMMAND),
        reference="0100018-ses",
        hard=True,
        detail={"type": "Permanent", "subtype": "General", "status": "5.1.1", "reason": "smtp; 550 no such user"},
    )
    assert (bob.id, bob.address) == ("m-1/1", "bob@example.org")
    assert amazon.fetched == [CERTIFICATE]


async def test_what_identities_notify_of_is_read_too_and_the_rest_is_nothing(rsa_key: rsa.RSAPrivateKey) -> None:
    amazon = Amazon(certified(rsa_key))
    complaint = {
        "notificationType": "Complaint",
        "mail": {"messageId": "x"},
        "complaint": {
            "timestamp": "2026-03-02T11:59:00.000Z",
            "complaintFeedbackType": "abuse",
            "complainedRecipients": [{"emailAddress": "ann@example.org"}],
        },
    }
    told = await _ses(amazon, signed(rsa_key, Message=orjson.dumps(complaint).decode()))
    assert isinstance(told, list)
    assert [(each.kind, each.mails, each.reference, each.detail) for each in told] == [
        ("complained", (), "x", {"type": "abuse"})
    ]
    soft = {**BOUNCE, "bounce": {**BOUNCE["bounce"], "bounceType": "Transient"}}  # type: ignore[dict-item]
    told = await _ses(amazon, signed(rsa_key, Message=orjson.dumps(soft).decode()))
    assert isinstance(told, list)
    assert {each.hard for each in told} == {False}
    for text in ("Successfully validated SNS topic", "[]", '{"eventType": "Delivery"}'):
        assert await _ses(amazon, signed(rsa_key, Message=text)) == []
    left = signed(rsa_key, Type="UnsubscribeConfirmation", Token="t", SubscribeURL="https://x/")
    assert await _ses(amazon, left) == []


async def test_a_subscription_is_confirmed_by_its_token_and_its_address_is_never_fetched(
    rsa_key: rsa.RSAPrivateKey,
) -> None:
    amazon = Amazon(certified(rsa_key))
    asked = signed(
        rsa_key,
        Type="SubscriptionConfirmation",
        Token="2336412f",
        SubscribeURL="http://169.254.169.254/latest/meta-data",
    )
    assert await _ses(amazon, asked) == Confirmation(TOPIC, "2336412f")
    assert amazon.fetched == [CERTIFICATE]


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-abc.pem",
        "https://evil.example/SimpleNotificationService-abc.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-abc.pem",  # another region's
        "https://s3.eu-west-1.amazonaws.com/sns/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com.s3.amazonaws.com/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-abc.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem#x",
        "https://sns.eu-west-1.amazonaws.com/../evil.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-\u00e4.pem",
        "https://[sns/SimpleNotificationService-abc.pem",
        "",
        None,
    ],
)
async def test_a_certificate_of_another_place_is_not_fetched(rsa_key: rsa.RSAPrivateKey, url: str | None) -> None:
    amazon = Amazon(certified(rsa_key))
    with pytest.raises(ForeignError):
        await _ses(amazon, signed(rsa_key, SigningCertURL=url))
    assert amazon.fetched == []


Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    "change",
    [
        lambda document: {**document, "TopicArn": TOPIC + "x"},
        lambda document: {**document, "TopicArn": [TOPIC]},
        lambda document: {key: value for key, value in document.items() if key != "TopicArn"},
    ],
)
async def test_a_topic_that_nobody_listens_to_is_foreign_and_nothing_is_fetched(
    rsa_key: rsa.RSAPrivateKey, change: Change
) -> None:
    amazon = Amazon(certified(rsa_key))
    with pytest.raises(ForeignError):
        await _ses(amazon, change(signed(rsa_key)))
    assert amazon.fetched == []


@pytest.mark.parametrize(
    "change",
    [
        lambda document: {**document, "Message": "changed"},
        lambda document: {**document, "Subject": "added"},
        lambda document: {**document, "SignatureVersion": "1"},
        lambda document: {**document, "Signature": "AAAA"},
        lambda document: {**document, "Signature": "not base64"},
        lambda document: {**document, "Signature": None},
    ],
)
async def test_a_message_that_was_not_signed_so_is_foreign(rsa_key: rsa.RSAPrivateKey, change: Change) -> None:
    with pytest.raises(ForeignError):
        await _ses(Amazon(certified(rsa_key)), change(signed(rsa_key)))


async def test_a_certificate_that_is_over_or_none_proves_nothing(rsa_key: rsa.RSAPrivateKey) -> None:
    for pem in (certified(rsa_key, NOW - timedelta(days=1)), b"<html>", b""):
        with pytest.raises(ForeignError):
            await _ses(Amazon(pem), signed(rsa_key))


async def test_a_certificate_is_fetched_once(rsa_key: rsa.RSAPrivateKey) -> None:
    amazon = Amazon(certified(rsa_key))
    sns = Sns([TOPIC], amazon.fetch, HOUR)
    for _ in range(3):
        assert await sns.proven(orjson.dumps(signed(rsa_key)), NOW)
    assert len(amazon.fetched) == 1


async def test_an_old_message_is_stale_only_if_it_is_proven(rsa_key: rsa.RSAPrivateKey) -> None:
    amazon = Amazon(certified(rsa_key))
    with pytest.raises(StaleError):
        await _ses(amazon, signed(rsa_key), NOW + timedelta(minutes=61))
    with pytest.raises(ForeignError):
        await _ses(amazon, {**signed(rsa_key), "Message": "x"}, NOW + timedelta(minutes=61))


async def test_an_amazon_that_is_away_is_asked_again(rsa_key: rsa.RSAPrivateKey) -> None:
    async def away(_url: str) -> bytes:
        raise RetryableError("no connection")

    with pytest.raises(RetryableError):
        await Ses(Sns([TOPIC], away, HOUR)).read({}, orjson.dumps(signed(rsa_key)), NOW)


@pytest.mark.parametrize("raw", [b"", b"[]", b"nothing", b'{"a": 1'])
async def test_what_is_no_message_is_unreadable(raw: bytes) -> None:
    with pytest.raises((UnreadableError, ForeignError)):
        await Ses(Sns([TOPIC], Amazon(b"").fetch, HOUR)).read({}, raw, NOW)


@pytest.mark.parametrize(
    "broken",
    [
        {**BOUNCE, "bounce": {}},
        {**BOUNCE, "bounce": None},
        {**BOUNCE, "bounce": {**BOUNCE["bounce"], "timestamp": "yesterday"}},  # type: ignore[dict-item]
        {**BOUNCE, "bounce": {**BOUNCE["bounce"], "bouncedRecipients": [{}]}},  # type: ignore[dict-item]
        {**BOUNCE, "bounce": {**BOUNCE["bounce"], "bouncedRecipients": "ann"}},  # type: ignore[dict-item]
    ],
)
async def test_a_bounce_that_is_not_as_documented_is_unreadable(rsa_key: rsa.RSAPrivateKey, broken: Any) -> None:
    with pytest.raises(UnreadableError):
        await _ses(Amazon(certified(rsa_key)), signed(rsa_key, Message=orjson.dumps(broken).decode()))


# SendGrid ------------------------------------------------------------------------------------------------------------

EC_KEY = ec.generate_private_key(ec.SECP256R1())
SHOWN = base64.b64encode(EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _sendgrid_headers(raw: bytes, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    signature = EC_KEY.sign(timestamp.encode() + raw, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


async def test_sendgrid_tells_several_at_a_time() -> None:
    events: list[Any] = [
        {
            "event": "bounce", "type": "bounce", "email": "ann@example.org", "timestamp": int(NOW.timestamp()),
            "sg_event_id": "e1", "sg_message_id": "sg1", "smtp-id": f"<{COMMAND}@example.com>", "status": "5.0.0",
            "reason": "no such user",
        },
        {"event": "bounce", "type": "blocked", "email": "bob@example.org", "timestamp": 1, "sg_event_id": "e2"},
        {
            "event": "spamreport", "email": "eve@example.org", "timestamp": 2, "sg_event_id": "e3",
            "finish_message_id": "march-1",
        },
        {"event": "group_unsubscribe", "email": "zoe@example.org", "timestamp": 3, "sg_event_id": "e4"},
        {"event": "delivered", "email": "x@example.org"},
        {"event": 5},
        "nothing",
    ]  # fmt: skip
    raw = orjson.dumps(events)
    feed = SendGrid(public_key(SHOWN), HOUR)
    told = await feed.read(_sendgrid_headers(raw), raw, NOW)
    assert [(each.id, each.kind, each.address, each.hard, each.mails) for each in told] == [
        ("e1", "bounced", "ann@example.org", True, (COMMAND,)),
        ("e2", "bounced", "bob@example.org", False, ()),
        ("e3", "complained", "eve@example.org", True, ("march-1",)),
        ("e4", "unsubscribed", "zoe@example.org", True, ()),
    ]
    assert told[0].at == NOW
    assert told[0].detail == {"type": "bounce", "status": "5.0.0", "reason": "no such user"}

    with pytest.raises(ForeignError):
        await feed.read(_sendgrid_headers(raw), raw + b" ", NOW)
    with pytest.raises(ForeignError):
        await feed.read({**_sendgrid_headers(raw), "X-Twilio-Email-Event-Webhook-Timestamp": "1"}, raw, NOW)
    with pytest.raises(ForeignError):
        await feed.read({}, raw, NOW)
    with pytest.raises(StaleError):
        await feed.read(_sendgrid_headers(raw, NOW - 2 * HOUR), raw, NOW)
    for bad in (b"{}", b"x", b'[{"event": "bounce"}]', b'[{"event": "bounce", "sg_event_id": "e", "email": "a"}]'):
        with pytest.raises(UnreadableError):
            await feed.read(_sendgrid_headers(bad), bad, NOW)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64", base64.b64encode(b"x" * 91).decode()])
def test_a_key_of_sendgrid_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="SendGrid"):
        public_key(text)


# Mailgun and Postmark ------------------------------------------------------------------------------------------------


def _mailgun(event: Any, at: datetime = NOW, key: str = "key", **changes: Any) -> bytes:
    timestamp, token = str(int(at.timestamp())), "t" * 50
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed_by = {"timestamp": timestamp, "token": token, "signature": signature, **changes}
    return orjson.dumps({"signature": signed_by, "event-data": event})


async def test_mailgun_tells_one_at_a_time() -> None:
    event = {
        "event": "failed", "severity": "permanent", "id": "e1", "timestamp": NOW.timestamp(), "recipient": "ann@example.org",
        "message": {"headers": {"message-id": f"{COMMAND}@example.com"}}, "user-variables": {"finish_message_id": "m"},
        "delivery-status": {"code": 550, "description": "no such user"},
    }  # fmt: skip
    feed = Mailgun("key", HOUR)
    (told,) = await feed.read({}, _mailgun(event), NOW)
    assert (told.id, told.kind, told.hard, told.mails, told.at) == ("e1", "bounced", True, ("m", COMMAND), NOW)
    assert told.detail == {"type": "permanent", "status": "550", "reason": "no such user"}
    (soft,) = await feed.read({}, _mailgun({**event, "severity": "temporary"}), NOW)
    assert not soft.hard
    for name, kind in (("complained", "complained"), ("unsubscribed", "unsubscribed")):
        (told,) = await feed.read({}, _mailgun({**event, "event": name, "severity": None}), NOW)
        assert (told.kind, told.hard) == (kind, True)
    assert await feed.read({}, _mailgun({"event": "delivered"}), NOW) == []
    assert await feed.read({}, _mailgun(None), NOW) == []
    for bad in (
        _mailgun(event, key="other"),
        _mailgun(event, signature="\u00e4"),
        _mailgun(event, token=5),
        b"{}",
        b"5",
    ):
        with pytest.raises(ForeignError):
            await feed.read({}, bad, NOW)
    with pytest.raises(StaleError):
        await feed.read({}, _mailgun(event, NOW - 2 * HOUR), NOW)
    with pytest.raises(UnreadableError):
        await feed.read({}, _mailgun({"event": "failed"}), NOW)
    with pytest.raises(UnreadableError):
        await feed.read({}, b"x", NOW)


POSTED = {"Authorization": "Basic " + base64.b64encode(b"postmark:secret").decode()}


async def test_postmark_tells_one_at_a_time() -> None:
    feed = Postmark("postmark", "secret")
    bounce = {
        "RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "Email": "ann@example.org", "MessageID": "pm",
        "BouncedAt": "2026-03-02T11:00:00Z", "Metadata": {"finish_message_id": "march-1"}, "Description": "gone",
    }  # fmt: skip
    (told,) = await feed.read(POSTED, orjson.dumps(bounce), NOW)
    assert (told.id, told.kind, told.hard, told.mails, told.reference) == ("42", "bounced", True, ("march-1",), "pm")
    (soft,) = await feed.read(POSTED, orjson.dumps({**bounce, "Type": "SoftBounce"}), NOW)
    assert not soft.hard
    (spam,) = await feed.read(POSTED, orjson.dumps({**bounce, "RecordType": "SpamComplaint"}), NOW)
    assert spam.kind == "complained"
    change = {
        "RecordType": "SubscriptionChange", "SuppressSending": True, "Recipient": "ann@example.org", "MessageID": "pm",
        "ChangedAt": "2026-03-02T11:00:00Z", "SuppressionReason": "ManualSuppression",
    }  # fmt: skip
    (left,) = await feed.read(POSTED, orjson.dumps(change), NOW)
    assert (left.kind, left.address) == ("unsubscribed", "ann@example.org")
    assert await feed.read(POSTED, orjson.dumps({**change, "SuppressSending": False}), NOW) == []
    assert await feed.read(POSTED, b'{"RecordType": "Delivery"}', NOW) == []
    wrong = base64.b64encode(b"postmark:other").decode()
    for headers in (
        {},
        {"Authorization": f"Basic {wrong}"},
        {"Authorization": "Basic \u00e4"},
        {"Authorization": "Bearer x"},
    ):
        with pytest.raises(ForeignError):
            await feed.read(headers, orjson.dumps(bounce), NOW)
    for bad in (b"x", orjson.dumps({**bounce, "ID": None}), orjson.dumps({**bounce, "BouncedAt": None})):
        with pytest.raises(UnreadableError):
            await feed.read(POSTED, bad, NOW)
