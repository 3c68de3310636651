"""Functions of AWS Lambda's, against a stand-in that can fail and moto's server, and local ones in processes of their own."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import orjson
import psutil
import pytest
from aiohttp import web
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer

from core.templates import scopes
from schemas.commands.command import Command
from services.chassis.errors import PermanentError, RetryableError
from services.executors.actions.execute_lambda import ACTION, mapped
from services.executors.adapters.lambdas import Lambdas, lambdas
from services.executors.ports import Answer, Situation
from services.executors.settings import Lambda
from tests.integration.executors.bench import command
from tests.integration.executors.delivering import INTERACTION
from tests.support.eventually import eventually
from tests.support.invoke_stub import Invocations, failed, invoke_stub, refusal
from tests.unit.executors.test_webhooks import PROSPECT


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@asynccontextmanager
async def _opened(url: str | None = None, **settings: Any) -> AsyncIterator[Lambdas]:
    given = {"region": "eu-west-1", "endpoint": url, "timeout_s": 1.0, **settings}
    async with lambdas(Lambda.model_validate(given)) as remote:
        yield remote


@pytest.fixture
async def stub() -> AsyncIterator[Invocations]:
    async with invoke_stub() as opened:
        yield opened


@pytest.fixture
async def remote(stub: Invocations) -> AsyncIterator[Lambdas]:
    async with _opened(stub.url) as opened:
        yield opened


def _asked(**params: Any) -> Command:
    made = command(uuid4(), "execute_lambda", {"function": "enrich", **params}, 1, interaction=INTERACTION)
    return Command.model_validate(made)


def _request(remote: Lambdas, asked: Command) -> bytes:
    seen = scopes(PROSPECT, None, asked.interaction or {})
    return remote.prepare(asked, Situation(PROSPECT, asked.recordedtime, seen)).request


async def _call(remote: Lambdas, asked: Command) -> Answer:
    return await remote.perform(asked, _request(remote, asked), 1)


async def test_a_function_is_given_the_envelope_and_the_commands_id(remote: Lambdas, stub: Invocations) -> None:
    asked = _asked(alias="live")
    answer = await _call(remote, asked)
    (got,) = stub.asked
    assert (got["function"], got["qualifier"], got["kind"]) == ("enrich", "live", "RequestResponse")
    assert got["context"] == {"custom": {"command_id": str(asked.id)}}
    assert orjson.loads(got["body"])["data"]["command_id"] == str(asked.id)
    assert (answer.outcome.state, answer.status, answer.reference) == ("done", "200", "their-id")


async def test_an_asynchronous_call_is_accepted(remote: Lambdas, stub: Invocations) -> None:
    answer = await _call(remote, _asked(mode="async"))
    assert (stub.asked[0]["kind"], answer.outcome.state, answer.status, answer.excerpt) == (
        "Event",
        "done",
        "202",
        None,
    )


async def test_a_payload_of_the_marketers_tells_the_commands_id_too(remote: Lambdas, stub: Invocations) -> None:
    asked = _asked(payload='{"who": "{{ prospect.email }}", "n": {{ event.data.amount }}}')
    await _call(remote, asked)
    assert orjson.loads(stub.asked[0]["body"]) == {"command_id": str(asked.id), "who": "ann@example.org", "n": 3}
    await _call(remote, _asked(payload="[{{ prospect.score }}]"))
    assert stub.asked[1]["body"] == b"[7]"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"payload": "{{ prospect.email }}"}, "no JSON"),
        ({"payload": '"{% for i in (1..9000) %}' + "x" * 120 + '{% endfor %}"', "mode": "async"}, "bytes|rendered"),
    ],
)
def test_what_is_no_payload_is_refused(params: dict[str, Any], reason: str) -> None:
    remote = Lambdas(Lambda(), None, None)  # type: ignore[arg-type]
    with pytest.raises(PermanentError, match=reason):
        _request(remote, _asked(**params))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "TooManyRequestsException"),
        (500, "ServiceException"),
        (502, "EC2ThrottledException"),
        (409, "ResourceConflictException"),
        (502, "ResourceNotReadyException"),
        (410, "SnapStartException"),
        (503, "SomethingNew"),
    ],
)
async def test_what_may_pass_is_tried_again(remote: Lambdas, stub: Invocations, status: int, code: str) -> None:
    stub.answers.append(refusal(status, code, **{"Retry-After": "7"}))
    with pytest.raises(RetryableError) as failure:
        await _call(remote, _asked())
    assert (failure.value.reason, failure.value.after) == (code, 7.0)
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (400, "InvalidParameterValueException"),
        (400, "InvalidRequestContentException"),
        (413, "RequestTooLargeException"),
        (415, "UnsupportedMediaTypeException"),
    ],
)
async def test_what_stays_wrong_is_dead(remote: Lambdas, stub: Invocations, status: int, code: str) -> None:
    stub.answers.append(refusal(status, code))
    with pytest.raises(PermanentError) as failure:
        await _call(remote, _asked())
    assert failure.value.reason == code


@pytest.mark.parametrize("kind", ["Unhandled", "Handled"])
async def test_a_function_that_fails_behind_a_200_has_failed(remote: Lambdas, stub: Invocations, kind: str) -> None:
    stub.answers.append(failed(kind))
    with pytest.raises(RetryableError, match=f"the function failed: {kind}") as failure:
        await _call(remote, _asked())
    assert "secret" not in str(failure.value)


async def test_no_answer_and_nobody_there_are_tried_again(stub: Invocations) -> None:
    stub.delay_s = 3.0
    async with _opened(stub.url, timeout_s=0.3) as remote:
        with pytest.raises(RetryableError, match="ReadTimeoutError"):
            await _call(remote, _asked())
    async with _opened("http://127.0.0.1:9") as remote:
        with pytest.raises(RetryableError, match="EndpointConnectionError"):
            await _call(remote, _asked())


async def test_every_attempt_sends_the_same_bytes(remote: Lambdas, stub: Invocations) -> None:
    asked = _asked()
    assert _request(remote, asked) == _request(remote, asked)


async def test_parts_of_the_answer_are_what_fields_are_to_have(remote: Lambdas, stub: Invocations) -> None:
    stub.answers.append(web.json_response({"company": {"name": "Ltd"}, "score": 3, "a/b": None}))
    response_map = {"company": "/company/name", "title": "/nothing", "phone": "/a~1b"}
    answer = await _call(remote, _asked(response_map=response_map))
    assert answer.writes == {"company": "Ltd", "phone": None}


def test_pointers() -> None:
    document = {"a": [{"b": 1}, 2], "~": {"/": 3}, "": 4}
    pointers = {"/a/0/b": 1, "/a/1": 2, "/~0/~1": 3, "/": 4, "": document}
    assert {pointer: mapped(document, {"x": pointer})["x"] for pointer in pointers} == pointers
    for missing in ("/a/2", "/a/01", "/a/-", "/a/x", "/b", "/a/0/b/c", "/a/\u0661"):
        assert mapped(document, {"x": missing}) == {}


# moto's server: the real client against an implementation that is not ours -----------------------------------------------


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    default_user_config["lambda"] = {"use_docker": False}
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    server.stop()


def _made(url: str, name: str) -> None:
    keys = {"region_name": "eu-west-1", "endpoint_url": url, "aws_access_key_id": "t", "aws_secret_access_key": "t"}
    boto3.client("iam", **keys).create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument="{}")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return {}")
    client = boto3.client("lambda", **keys)
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=f"arn:aws:iam::123456789012:role/{name}-role",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
        Publish=True,
    )
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")


async def test_the_client_speaks_to_an_implementation_that_is_not_ours(moto: str) -> None:
    await asyncio.to_thread(_made, moto, "enrich")
    async with _opened(moto, timeout_s=10.0) as remote:
        waited = await _call(remote, _asked())
        assert (waited.outcome.state, waited.status) == ("done", "200")
        accepted = await _call(remote, _asked(mode="async"))
        assert (accepted.outcome.state, accepted.status) == ("done", "202")
        as_role = await _call(remote, _asked(role="arn:aws:iam::123456789012:role/enrich-role"))
        assert as_role.outcome.state == "done"
        again = await _call(remote, _asked(role="arn:aws:iam::123456789012:role/enrich-role"))
        assert again.outcome.state == "done"


# Local functions ------------------------------------------------------------------------------------------------------------


async def _local(folder: Path, code: str, name: str = "enrich", **settings: Any) -> Answer:
    (folder / "enrich.py").write_text(code)
    async with _opened(local_enabled=True, local_folder=folder, local_timeout_s=10.0, **settings) as remote:
        return await _call(remote, _asked(function=name, provider="local", response_map={"title": "/title"}))


async def test_a_local_function_gets_event_and_context_and_its_answer_is_mapped(tmp_path: Path) -> None:
    answer = await _local(
        tmp_path,
        "import os\n"
        "def handler(event, context):\n"
        "    print('seen')\n"
        "    same = context.aws_request_id == event['data']['command_id']\n"
        "    left = 0 < context.get_remaining_time_in_millis() <= 10000\n"
        "    return {'title': [context.function_name, same, left, sorted(os.environ)]}\n",
    )
    title = answer.writes["title"]
    assert title[:3] == ["enrich", True, True]
    assert set(title[3]) <= {"LANG", "LC_CTYPE", "PATH"}
    assert (tmp_path / "enrich.log").read_text() == "seen\n"


@pytest.mark.parametrize(
    "code",
    [
        "def handler(event, context): raise ValueError('secret')",
        "def handler(event, context): return object()",
        "handler = 3",
        "import sys; sys.exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "not python",
    ],
)
async def test_a_local_function_that_fails_has_failed(tmp_path: Path, code: str) -> None:
    with pytest.raises(RetryableError, match=r"^the function failed$"):
        await _local(tmp_path, code)


async def test_a_local_function_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, time\n"
        "def handler(event, context):\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "    time.sleep(60)\n"
    )
    (tmp_path / "enrich.py").write_text(code)
    async with _opened(local_enabled=True, local_folder=tmp_path, local_timeout_s=1.5) as remote:
        with pytest.raises(RetryableError, match="no answer in time"):
            await _call(remote, _asked(provider="local"))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2

    async def ended() -> bool:
        return not any(_alive(pid) for pid in pids)

    await eventually(ended, 10)  # a signal is sent before it is taken


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_local_answer_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="too long"):
        await _local(tmp_path, "def handler(event, context): return 'x' * 2_000_000", answer_max_bytes=1_000_000)


@pytest.mark.parametrize("name", ["../secret", "..", "a:b", "nobody", ".", "enrich.py", "/etc/passwd"])
async def test_only_functions_of_the_folder_are_run(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "functions"
    folder.mkdir()
    (tmp_path / "secret.py").write_text("def handler(event, context): return 1")
    with pytest.raises(PermanentError, match="no such local function"):
        await _local(folder, "def handler(event, context): return 1", name)


async def test_local_functions_are_off_unless_the_operator_wants_them() -> None:
    async with _opened() as remote:
        with pytest.raises(PermanentError, match="not enabled"):
            await _call(remote, _asked(provider="local"))


def test_each_function_has_its_lane() -> None:
    assert ACTION.destination({"function": "f"}) == "aws:f"
    assert (
        ACTION.destination({"function": "f", "provider": "local", "region": "x", "alias": "live"}) == "local:x:f:live"
    )
