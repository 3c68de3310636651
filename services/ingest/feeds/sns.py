"""Messages of Amazon SNS: signed by a certificate of Amazon's, of a topic that the operator has named.

What a message names is never fetched, save its certificate, and that from Amazon's own host of the topic's region alone; a
subscription is confirmed by the API, never by the address in the message.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html and
.../SendMessageToHttp.prepare.html; signature version 2 is SHA-256.
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from services.ingest.feeds.told import Confirmation, ForeignError, StaleError, UnreadableError, iso_instant

Fetch = Callable[[str], Awaitable[bytes]]

_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]{1,30}):\d{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII).fullmatch
_PATH: Final = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,80}\.pem", re.ASCII).fullmatch
_NOTICE: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_ASKING: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {"Notification": _NOTICE, "SubscriptionConfirmation": _ASKING, "UnsubscribeConfirmation": _ASKING}
_CERTIFICATES_MAX: Final = 16


class Sns:
    """Proves messages. `fetch` gets a certificate's bytes; `topics` are the ARNs that are listened to."""

    def __init__(self, topics: Collection[str], fetch: Fetch, stale_after: timedelta) -> None:
        self._topics, self._fetch, self._stale_after = frozenset(topics), fetch, stale_after
        self._certificates: dict[str, x509.Certificate] = {}

    async def proven(self, raw: bytes, now: datetime) -> dict[str, Any] | Confirmation | None:
        """Return a notification, a confirmation that is asked for, or None for what needs no answer. Raises ForeignError,
        StaleError, UnreadableError or RetryableError."""
        document = _parsed(raw)
        topic = document.get("TopicArn")
        if not isinstance(topic, str) or topic not in self._topics:
            raise ForeignError("the topic is not one of those that are listened to")
        await self._prove(document, topic, now)
        if now - iso_instant(document.get("Timestamp")) > self._stale_after:
            raise StaleError
        match document["Type"]:
            case "Notification":
                return document
            case "SubscriptionConfirmation":
                return Confirmation(topic, str(document["Token"]))
            case _:
                return None

    async def _prove(self, document: Mapping[str, Any], topic: str, now: datetime) -> None:
        names = _SIGNED.get(document.get("Type") or "")
        if names is None:
            raise UnreadableError("Type is not known")
        if document.get("SignatureVersion") != "2":
            raise ForeignError("the signature is not of version 2: set the topic's SignatureVersion")
        certificate = await self._certificate(_checked_url(document.get("SigningCertURL"), topic))
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ForeignError("the certificate is not valid at this time")
        key = certificate.public_key()
        text = "".join(f"{name}\n{document[name]}\n" for name in names if isinstance(document.get(name), str))
        try:
            signature = base64.b64decode(str(document.get("Signature")), validate=True)
            if not isinstance(key, rsa.RSAPublicKey):
                raise ForeignError("the signature does not fit")
            key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error):
            raise ForeignError("the signature does not fit") from None

    async def _certificate(self, url: str) -> x509.Certificate:
        if url not in self._certificates:
            pem = await self._fetch(url)
            try:
                certificate = x509.load_pem_x509_certificate(pem)
            except ValueError:
                raise ForeignError("the certificate cannot be read") from None
            while len(self._certificates) >= _CERTIFICATES_MAX:
                del self._certificates[next(iter(self._certificates))]
            self._certificates[url] = certificate
        return self._certificates[url]


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise UnreadableError("the body is no JSON") from None
    if not isinstance(document, dict):
        raise UnreadableError("the body is no object")
    return document


def _checked_url(url: Any, topic: str) -> str:
    """Return where the certificate is, if that is Amazon's host for the topic's region. Raises ForeignError."""
    region = _TOPIC(topic)
    if region is None or not isinstance(url, str) or not url.isascii():
        raise ForeignError("the certificate's address is not Amazon's")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ForeignError("the certificate's address is not Amazon's") from None
    hosts = {f"sns.{region[1]}.amazonaws.com", f"sns.{region[1]}.amazonaws.com.cn"}
    if parts.scheme != "https" or parts.netloc not in hosts or not _PATH(parts.path) or parts.query or parts.fragment:
        raise ForeignError("the certificate's address is not Amazon's")
    return url
