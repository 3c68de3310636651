"""The feeds that the settings set up, and the two calls that SNS needs: for its certificate, and to be told yes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aioboto3
from botocore.exceptions import BotoCoreError, ClientError

from services.chassis.errors import PermanentError, RetryableError
from services.ingest.feeds.mailgun import Mailgun
from services.ingest.feeds.postmark import Postmark
from services.ingest.feeds.sendgrid import SendGrid, public_key
from services.ingest.feeds.ses import Ses
from services.ingest.feeds.sns import Sns
from services.ingest.feeds.told import Confirmation, Feed, ForeignError
from services.ingest.settings import Feeds as Settings
from services.outbound.calling import Caller

_OK = 200


def opened_feeds(settings: Settings, http: Caller) -> Mapping[str, Feed]:
    """Return those feeds whose keys are set, by the service's name."""
    stale_after = timedelta(seconds=settings.stale_after_s)

    async def fetched(url: str) -> bytes:
        try:
            reply = await http.call("GET", url, {}, None)
        except PermanentError:
            raise ForeignError("the certificate's address is not Amazon's") from None
        if reply.status != _OK:
            raise RetryableError("the certificate cannot be fetched")
        return reply.body

    feeds: dict[str, Feed] = {}
    if settings.sns_topics:
        feeds["ses"] = Ses(Sns(settings.sns_topics, fetched, stale_after))
    if settings.sendgrid_public_key is not None:
        feeds["sendgrid"] = SendGrid(public_key(settings.sendgrid_public_key), stale_after)
    if settings.mailgun_signing_key is not None:
        feeds["mailgun"] = Mailgun(settings.mailgun_signing_key.get_secret_value(), stale_after)
    if settings.postmark_password is not None:
        feeds["postmark"] = Postmark(settings.postmark_user, settings.postmark_password.get_secret_value())
    return feeds


class SnsConfirming:
    """Confirms subscriptions through the API of SNS, never by the address in a message."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def confirm(self, confirmation: Confirmation) -> None:
        """Confirm one; again is no error."""
        region = confirmation.topic.split(":")[3]
        client: Any
        try:
            async with aioboto3.Session().client(
                "sns", region_name=region, endpoint_url=self._settings.sns_endpoint
            ) as client:
                await client.confirm_subscription(
                    TopicArn=confirmation.topic, Token=confirmation.token, AuthenticateOnUnsubscribe="true"
                )
        except (ClientError, BotoCoreError) as exc:
            raise RetryableError(f"the subscription cannot be confirmed: {type(exc).__name__}") from None
