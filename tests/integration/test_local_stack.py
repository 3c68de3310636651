"""The whole local stack as a person runs it: ready, killed, started on its old data, stopped, and what it says when
it cannot."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local.readiness import http_ready
from deploy.topics import admin
from schemas.topics import ALL
from services.chassis.settings import Kafka
from tests.support.eventually import eventually
from tests.support.local_stack import START_DEADLINE_S, alive, environment, stack_of, stack_process, told


async def refusal(env: Mapping[str, str]) -> tuple[int | None, str]:
    """Run the real command and return its exit code and what it says on stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local", "up", "--leave"),
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), START_DEADLINE_S)
    return process.returncode, said.decode()


async def test_a_stack_is_killed_and_comes_back_on_its_data_and_stops_without_a_trace(tmp_path: Path) -> None:
    env = environment(tmp_path)
    async with stack_process(env) as first:
        told_first = await told(tmp_path)
        children = psutil.Process(first.pid).children(recursive=True)
        async with admin(Kafka(bootstrap=told_first["kafka"])) as client:
            topics = set(await client.list_topics())
        await execute(told_first["postgres"], "INSERT INTO lists (id, name) VALUES ('kept', 'Kept')")
        first.kill()
        await first.wait()
    await eventually(lambda: not any(alive(child) for child in children), 20)
    assert {topic.name for topic in ALL} <= topics

    async with stack_process(env) as second:
        await eventually(lambda: stack_of(tmp_path) == second.pid, START_DEADLINE_S)
        told_second = await told(tmp_path)
        children = psutil.Process(second.pid).children(recursive=True)
        kept = await fetch(told_second["postgres"], "SELECT name FROM lists WHERE id = 'kept'")
        key_is_known = await fetch(told_second["postgres"], "SELECT scopes FROM api_keys WHERE id = 'local'")
        second.terminate()
        code = await second.wait()
    assert (kept, key_is_known) == ("Kept", ["events", "admin"])
    assert (code, told_second["api_key"]) == (0, told_first["api_key"])
    assert not any(alive(child) for child in children)
    assert not (tmp_path / "stack.json").exists()
    assert await http_ready(told_second["ingest"]) is not None


async def test_a_given_broker_and_database_are_used_and_none_of_its_own_starts(
    tmp_path: Path, stack_env: dict[str, str], keyed_partitions: int
) -> None:
    env = environment(tmp_path, FA_TOPICS__KEYED_PARTITIONS=str(keyed_partitions), **stack_env)
    async with stack_process(env) as process:
        answer = await told(tmp_path)
        commands = [child.cmdline() for child in psutil.Process(process.pid).children(recursive=True)]
    assert (answer["kafka"], answer["postgres"]) == (stack_env["FA_KAFKA__BOOTSTRAP"], stack_env["FA_POSTGRES__URL"])
    ours = ("tests.support.stand_in", "deploy.local.mail_sink")
    assert all(any(module in command for module in ours) for command in commands), commands
    assert not (tmp_path / "data").exists()


async def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    code, said = await refusal(environment(tmp_path, FA_LOCAL__FREE_MIN_MIB=str(2**40)))
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("error: the disk is full: ")


async def test_an_unreachable_source_of_kafka_is_one_sentence(tmp_path: Path) -> None:
    env = environment(tmp_path, FA_LOCAL__CACHE_DIR=str(tmp_path / "cache"), FA_LOCAL__MAVEN_URL="http://127.0.0.1:9/")
    code, said = await refusal(env)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("error: Kafka's jars cannot be fetched from http://127.0.0.1:9 (no connection)")


async def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        code, said = await refusal(environment(tmp_path, FA_LOCAL__KAFKA_PORT=port))
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"error: port {port} for kafka is taken")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"FA_LOCAL__KAFKA_PORT": "many"}, "error: FA_LOCAL__KAFKA_PORT: "),
        ({"FA_LOCAL__JAVA": "/bin/true"}, "error: FA_LOCAL__JAVA names /bin/true, which is no Java >= 17"),
        ({"FA_KAFKA__BOOTSTRAP": "127.0.0.1:9", "FA_LOCAL__START_TIMEOUT_S": "1"}, "error: the given kafka does not"),
    ],
)
async def test_a_setting_that_cannot_work_is_one_sentence(
    tmp_path: Path, values: dict[str, str], sentence: str
) -> None:
    code, said = await refusal(environment(tmp_path, **values))
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(sentence)


async def fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
