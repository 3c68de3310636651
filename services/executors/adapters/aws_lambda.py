"""AWS Lambda through aioboto3: one attempt per call, botocore's own retries off, and its errors in our two words.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, errors.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aioboto3
import orjson
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from services.chassis.errors import PermanentError, RetryableError
from services.executors.settings import Lambda

_PERMANENT: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "InvalidRuntimeException",
        "InvalidSecurityGroupIDException",
        "InvalidSubnetIDException",
        "InvalidZipFileException",
        "RequestEntityTooLargeException",
        "RequestTooLargeException",
        "ResourceNotFoundException",
        "UnsupportedMediaTypeException",
        "ValidationException",
    }
)
"""What stays wrong however often it is called; anything else may pass: throttling, states of the function, the network."""
_SESSION_S: Final = 3600
_RENEWED_BEFORE: Final = timedelta(minutes=5)


@dataclass(slots=True)
class _Client:
    """A client of one region and role, and until when its credentials are used."""

    client: Any
    until: datetime | None


class AwsLambda:
    """Calls functions of AWS Lambda. Credentials are those that AWS's own variables, files and roles give."""

    def __init__(self, settings: Lambda, stack: AsyncExitStack) -> None:
        self._settings, self._stack = settings, stack
        self._session = aioboto3.Session()
        self._clients: dict[tuple[str | None, str | None], _Client] = {}
        self._config = AioConfig(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=settings.connect_timeout_s,
            read_timeout=settings.timeout_s,
            max_pool_connections=settings.connections_max,
        )

    async def invoke(
        self, params: Mapping[str, Any], command_id: str, payload: bytes
    ) -> tuple[bytes | None, str, str | None]:
        """Call a function once: see `lambdas.Provider`."""
        waits = params.get("mode", "sync") == "sync"
        asked: dict[str, Any] = {
            "FunctionName": params["function"],
            "InvocationType": "RequestResponse" if waits else "Event",
            "Payload": payload,
        }
        if alias := params.get("alias"):
            asked["Qualifier"] = alias
        if waits:
            context = {"custom": {"command_id": command_id}}
            asked["ClientContext"] = base64.b64encode(orjson.dumps(context)).decode()
        try:
            client = await self._client(params.get("region") or self._settings.region, params.get("role"))
            answer = await client.invoke(**asked)
            body = await answer["Payload"].read() if waits else None
        except ClientError as exc:
            raise _translated(exc) from None
        except ParamValidationError:
            raise PermanentError("the call is not valid") from None
        except BotoCoreError as exc:
            raise RetryableError(type(exc).__name__) from None
        reference = answer["ResponseMetadata"].get("RequestId")
        if kind := answer.get("FunctionError"):
            raise RetryableError(f"the function failed: {kind}")
        return body, str(answer["StatusCode"]), reference

    async def _client(self, region: str | None, role: str | None) -> Any:
        known = self._clients.get((region, role))
        now = datetime.now(UTC)
        if known is not None and (known.until is None or now < known.until):
            return known.client
        credentials, until = ({}, None) if role is None else await self._assumed(region, role)
        opened = self._session.client(
            "lambda", region_name=region, endpoint_url=self._endpoint, config=self._config, **credentials
        )
        client = await self._stack.enter_async_context(opened)
        self._clients[region, role] = _Client(client, until)
        return client

    async def _assumed(self, region: str | None, role: str) -> tuple[dict[str, str], datetime]:
        sts = self._session.client("sts", region_name=region, endpoint_url=self._endpoint, config=self._config)
        async with sts as client:
            answer = await client.assume_role(
                RoleArn=role, RoleSessionName="finish-actions", DurationSeconds=_SESSION_S
            )
        given = answer["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }, given["Expiration"] - _RENEWED_BEFORE

    @property
    def _endpoint(self) -> str | None:
        return self._settings.endpoint


def _translated(exc: ClientError) -> RetryableError | PermanentError:
    code = str(exc.response.get("Error", {}).get("Code", "unknown"))
    if code in _PERMANENT:
        return PermanentError(code)
    headers = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    after = headers.get("retry-after", "")
    return RetryableError(code, after=float(after) if after.isascii() and after.isdigit() else None)


@asynccontextmanager
async def aws_lambda(settings: Lambda) -> AsyncIterator[AwsLambda]:
    """Open it; clients are made when they are first needed."""
    async with AsyncExitStack() as stack:
        yield AwsLambda(settings, stack)
