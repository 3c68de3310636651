from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.chassis import logs
from services.chassis.errors import RetryableError
from services.chassis.problems import FieldError, Problem, problems
from services.chassis.settings import Log

Client = TestClient[web.Request, web.Application]

RAISED: dict[str, Exception] = {
    "problem": Problem(
        409, "taken", "Taken", "by another", errors=[FieldError("/email", "is taken")], headers={"X": "y"}
    ),
    "later": RetryableError("broker at 10.0.0.1 is away", after=2.1),
    "bug": KeyError("ann@example.com"),
    "gone": web.HTTPGone(text="ann@example.com"),
}


async def answer(request: web.Request) -> web.Response:
    if name := request.query.get("raise"):
        raise RAISED[name]
    if request.query.get("redirect"):
        raise web.HTTPFound("/elsewhere")
    return web.Response(text="fine")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problems])
    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as made:
        yield made


async def test_an_answer_without_a_problem_passes(client: Client) -> None:
    async with client.get("/") as response:
        assert await response.text() == "fine"
    async with client.get("/?redirect=1", allow_redirects=False) as response:
        assert response.status == 302


async def test_a_problem_is_rendered_as_rfc_9457_says(client: Client) -> None:
    async with client.get("/?raise=problem") as response:
        assert response.status == 409
        assert response.content_type == "application/problem+json"
        assert response.headers["X"] == "y"
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.json(content_type=None) == {
            "type": "/problems/taken",
            "title": "Taken",
            "status": 409,
            "detail": "by another",
            "errors": [{"pointer": "/email", "detail": "is taken"}],
        }


async def test_what_may_work_later_is_a_503_that_says_when(client: Client) -> None:
    async with client.get("/?raise=later") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "3"
        assert "10.0.0.1" not in await response.text()


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/none", "GET", 404), ("/", "POST", 405), ("/?raise=gone", "GET", 410)]
)
async def test_the_servers_own_refusals_are_problems_too(client: Client, path: str, method: str, status: int) -> None:
    async with client.request(method, path) as response:
        body = await response.json(content_type=None)
        assert (response.status, body["status"]) == (status, status)
        assert "ann@example.com" not in str(body)


async def test_the_method_that_is_allowed_is_named(client: Client) -> None:
    async with client.post("/") as response:
        assert "GET" in response.headers["Allow"]


@pytest.mark.usefixtures("logging_restored")
async def test_a_bug_is_a_500_without_details_in_the_answer_or_values_in_the_log(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Log(), service="console")
    async with client.get("/?raise=bug&q=ann@example.com") as response:
        assert response.status == 500
        assert await response.json(content_type=None) == {
            "type": "/problems/internal",
            "title": "Something went wrong on our side",
            "status": 500,
        }
    said = capsys.readouterr().out
    assert '"event":"request_failed"' in said
    assert "ann@example.com" not in said
