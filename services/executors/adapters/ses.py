"""Mails by Amazon SES, which has no idempotency key: nothing is sent again that may have been taken, botocore's own retries
are off, and the command's id goes along as a tag, for what SES tells of the mail later.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import aioboto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from core.mail import Envelope
from services.chassis.errors import PermanentError, RetryableError
from services.executors.ports import Answer, Outcome, UncertainError
from services.executors.settings import Mail

_TAG: Final = "command_id"
_NOT_THIS_MAIL: Final = frozenset(
    {
        "AccessDeniedException",
        "AccountSuspendedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "LimitExceededException",
        "SendingPausedException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SignatureDoesNotMatch",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "UnrecognizedClientException",
    }
)
"""What SES says of the account, its budget or its keys, and not of the mail: it was not taken, and may be another time."""
_SERVER_ERROR: Final = 500


class SesTransport:
    """See `mail.Transport`."""

    def __init__(self, client: Any, mail: Mail) -> None:
        self._client, self._mail = client, mail

    async def send(self, message: bytes, envelope: Envelope, command_id: UUID) -> Answer:
        """Hand over a mail."""
        request: dict[str, Any] = {
            "Content": {"Raw": {"Data": message}},
            "Destination": {"ToAddresses": list(envelope.recipients)},
            "EmailTags": [{"Name": _TAG, "Value": str(command_id)}],
        }
        if self._mail.ses_configuration_set:
            request["ConfigurationSetName"] = self._mail.ses_configuration_set
        try:
            async with asyncio.timeout(self._mail.timeout_s):
                answer = await self._client.send_email(**request)
        except ClientError as exc:
            raise _refused(exc) from None
        except (ConnectTimeoutError, EndpointConnectionError) as exc:
            raise RetryableError(f"SES cannot be reached: {type(exc).__name__}") from None
        except (HTTPClientError, TimeoutError) as exc:
            raise UncertainError(f"SES was cut off: {type(exc).__name__}") from None
        except BotoCoreError as exc:  # no credentials, no region: nothing was sent
            raise RetryableError(f"SES cannot be asked: {type(exc).__name__}") from None
        return Answer(Outcome("done"), "200", None, answer["MessageId"])


def _refused(exc: ClientError) -> Exception:
    code = str(exc.response.get("Error", {}).get("Code", ""))
    status = int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    shown = code if code.isalnum() and code.isascii() else str(status)
    if code in _NOT_THIS_MAIL:
        return RetryableError(f"SES answered {shown}")
    if status >= _SERVER_ERROR:
        return UncertainError(f"SES answered {shown}")
    return PermanentError(f"SES answered {shown}")


@asynccontextmanager
async def ses_transport(mail: Mail) -> AsyncIterator[SesTransport]:
    """Open a client for as long as mails are sent."""
    config = Config(
        connect_timeout=mail.connect_timeout_s,
        read_timeout=mail.timeout_s,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    session = aioboto3.Session()
    async with session.client(
        "sesv2", region_name=mail.ses_region, endpoint_url=mail.ses_endpoint, config=config
    ) as client:
        yield SesTransport(client, mail)
