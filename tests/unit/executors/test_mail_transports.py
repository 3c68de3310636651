"""What transports know after an attempt: it left, it did not, or nobody can say."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from core.mail import Mail as Message
from core.mail import Mailbox, envelope, write
from services.chassis.errors import PermanentError, RetryableError
from services.executors.adapters.mail_transports import mail_transport
from services.executors.ports import Answer, Outcome, UncertainError
from services.executors.settings import Mail
from tests.support.eventually import eventually
from tests.support.scripted_smtp import DROP, HANG, scripted_smtp
from tests.unit.executors.mailing import NOW

ID = UUID("22222222-2222-5222-8222-222222222222")
REQUEST = write(
    Message(
        id=ID,
        domain="shop.example",
        at=NOW,
        sender=Mailbox("bob@example.com"),
        to=(Mailbox("ann@example.com"), Mailbox("a,b@example.com")),
        subject="Hi",
        text="Hello\n.\n..two\n",
    )
)


async def sent(port: int, **settings: Any) -> Answer:
    mail = Mail(port=port, sender_email="news@shop.example", domain="shop.example", **{"timeout_s": 20.0, **settings})
    async with mail_transport(mail) as transport:
        return await transport.send(REQUEST, envelope(REQUEST), ID)


async def failure(port: int, **settings: Any) -> Exception:
    with pytest.raises((RetryableError, PermanentError)) as failed:
        await sent(port, **settings)
    assert "example.com" not in str(failed.value)
    return failed.value


async def test_a_mail_that_is_accepted_is_done_and_arrives_as_it_was_written() -> None:
    async with scripted_smtp() as server:
        answer = await sent(server.port)
    assert answer == Answer(Outcome("done"), "250", "queued as 7", f"<{ID}@shop.example>")
    assert server.commands == [
        "EHLO shop.example",
        "MAIL FROM:<news@shop.example>",
        "RCPT TO:<ann@example.com>",
        'RCPT TO:<"a,b"@example.com>',
        "DATA",
        "QUIT",
    ]
    (message,) = server.messages
    assert message.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.") == REQUEST


@pytest.mark.parametrize(
    ("stage", "said", "kind"),
    [
        ("greeting", "421 busy", RetryableError),
        ("greeting", "554 go away", RetryableError),
        ("greeting", DROP, RetryableError),
        ("greeting", "not smtp", RetryableError),
        ("EHLO", "550 who are you", RetryableError),
        ("EHLO", DROP, RetryableError),
        ("MAIL", "451 later", RetryableError),
        ("MAIL", "550 not you", PermanentError),
        ("MAIL", DROP, RetryableError),
        ("RCPT", "450 grey", RetryableError),
        ("RCPT", "550 ann@example.com is unknown", PermanentError),
        ("RCPT", DROP, RetryableError),
        ("DATA", "451 later", RetryableError),
        ("DATA", "554 no", PermanentError),
        ("DATA", "250 what", RetryableError),
        ("DATA", DROP, RetryableError),
        ("content", "452 full", RetryableError),
        ("content", "554 spam", PermanentError),
        ("content", DROP, UncertainError),
        ("content", "not smtp", UncertainError),
    ],
)
async def test_only_what_is_cut_off_behind_the_content_is_uncertain(
    stage: str, said: str, kind: type[Exception]
) -> None:
    async with scripted_smtp(**{stage: said}) as server:
        assert type(await failure(server.port)) is kind
        assert len(server.messages) == (stage == "content")


@pytest.mark.parametrize(
    ("stage", "kind"),
    [("greeting", RetryableError), ("MAIL", RetryableError), ("DATA", RetryableError), ("content", UncertainError)],
)
async def test_a_server_that_says_nothing_is_left_in_time(stage: str, kind: type[Exception]) -> None:
    async with scripted_smtp(**{stage: HANG}) as server:
        assert type(await failure(server.port, timeout_s=0.5)) is kind


async def test_a_server_that_drips_holds_nobody_for_ever() -> None:
    async with scripted_smtp(content=f"drip 250 {'x' * 500}") as server:
        assert type(await failure(server.port, timeout_s=0.5)) is UncertainError


async def test_nobody_listening_is_tried_again(unused_tcp_port: int) -> None:
    assert type(await failure(unused_tcp_port)) is RetryableError


async def test_a_server_that_does_not_say_goodbye_has_accepted_all_the_same() -> None:
    async with scripted_smtp(QUIT=DROP) as server:
        assert (await sent(server.port)).outcome == Outcome("done")


async def test_an_attempt_can_be_cancelled() -> None:
    async with scripted_smtp(content=HANG) as server:
        attempt = asyncio.create_task(sent(server.port))
        await eventually(lambda: server.messages)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt


class _Keeper:
    def __init__(self) -> None:
        self.kept: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, given: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.kept.append(given)
        return "250 kept"


@asynccontextmanager
async def _with_passwords() -> AsyncIterator[tuple[int, _Keeper]]:
    keeper = _Keeper()

    def authenticated(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"finish", b"secret"), handled=False)

    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(keeper, auth_required=True, auth_require_tls=False, authenticator=authenticated, loop=loop)

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], keeper
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
async def test_a_user_and_a_password_are_given_where_they_are_set() -> None:
    async with _with_passwords() as (port, keeper):
        assert (await sent(port, user="finish", password=SecretStr("secret"))).outcome == Outcome("done")
        assert [kept.original_content for kept in keeper.kept] == [REQUEST]
        refused = await failure(port, user="finish", password=SecretStr("wrong"))
        assert (type(refused), "wrong" in str(refused)) == (RetryableError, False)


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for() -> None:
    for tls in ("starttls", "implicit"):
        async with scripted_smtp() as server:
            assert type(await failure(server.port, tls=tls, timeout_s=5.0)) is RetryableError
            assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "eu-west-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def moto(aws: None) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


async def by_ses(endpoint: str, **settings: Any) -> Answer:
    mail = Mail(transport="ses", ses_region="eu-west-1", ses_endpoint=endpoint, **{"timeout_s": 10.0, **settings})
    async with mail_transport(mail) as transport:
        return await transport.send(REQUEST, envelope(REQUEST), ID)


async def test_ses_gets_the_mail_as_it_was_written(moto: str) -> None:
    async with ClientSession() as session:
        await session.post(f"{moto}/moto-api/reset")
        await session.post(f"{moto}/v2/email/identities", json={"EmailIdentity": "bob@example.com"}, headers=_SIGNED)
        answer = await by_ses(moto)
        async with session.get(f"{moto}/moto-api/data.json") as response:
            known = await response.json(content_type=None)
    assert (answer.outcome, answer.status) == (Outcome("done"), "200")
    (message,) = known["ses"]["RawMessage"]
    assert message["id"] == answer.reference


_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/ses/aws4_request, SignedHeaders=host, Signature=x"
}


@asynccontextmanager
async def _answering(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[tuple[str, list[Any]]]:
    asked: list[Any] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(await request.json())
        return await answer(request)

    app = web.Application()
    app.router.add_post("/v2/email/outbound-emails", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.port}", asked


async def _ses_failure(answer: Any, **settings: Any) -> tuple[Exception, list[Any]]:
    async with _answering(answer) as (endpoint, asked):
        with pytest.raises((RetryableError, PermanentError)) as failed:
            await by_ses(endpoint, **settings)
    return failed.value, asked


async def test_ses_is_told_which_command_it_is_and_under_which_configuration(aws: None) -> None:
    async def accept(_request: web.Request) -> web.Response:
        return web.json_response({"MessageId": "m-1"})

    async with _answering(accept) as (endpoint, asked):
        answer = await by_ses(endpoint, ses_configuration_set="prod")
    assert answer == Answer(Outcome("done"), "200", None, "m-1")
    (request,) = asked
    assert base64.b64decode(request.pop("Content")["Raw"]["Data"]) == REQUEST
    assert request == {
        "Destination": {"ToAddresses": ["ann@example.com", '"a,b"@example.com']},
        "EmailTags": [{"Name": "command_id", "Value": str(ID)}],
        "ConfigurationSetName": "prod",
    }


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "TooManyRequestsException", RetryableError),
        (400, "ThrottlingException", RetryableError),
        (400, "LimitExceededException", RetryableError),
        (400, "SendingPausedException", RetryableError),
        (403, "UnrecognizedClientException", RetryableError),
        (503, "ServiceUnavailable", RetryableError),
        (400, "MessageRejected", PermanentError),
        (400, "MailFromDomainNotVerifiedException", PermanentError),
        (400, "BadRequestException", PermanentError),
        (500, "InternalFailure", UncertainError),
        (504, "", UncertainError),
    ],
)
async def test_what_ses_says_decides_and_is_asked_once(
    aws: None, status: int, code: str, kind: type[Exception]
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        headers = {"x-amzn-ErrorType": code} if code else {}
        return web.json_response({"message": "no, ann@example.com"}, status=status, headers=headers)

    failed, asked = await _ses_failure(refuse)
    assert (type(failed), len(asked), "ann" in str(failed)) == (kind, 1, False)


async def test_ses_cut_off_after_it_was_asked_is_uncertain_and_asked_once(aws: None) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    for answer, timeout_s in ((hang, 0.5), (cut, 10.0)):
        failed, asked = await _ses_failure(answer, timeout_s=timeout_s)
        assert (type(failed), len(asked)) == (UncertainError, 1)


async def test_ses_that_cannot_be_reached_is_tried_again(aws: None, unused_tcp_port: int) -> None:
    with pytest.raises(RetryableError) as failed:
        await by_ses(f"http://127.0.0.1:{unused_tcp_port}")
    assert not isinstance(failed.value, UncertainError)


async def test_ses_without_credentials_is_tried_again(
    aws: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(RetryableError) as failed:
        await by_ses("http://127.0.0.1:9")
    assert type(failed.value) is RetryableError
