"""Where the deployment is: options, then the environment, then the local stack's file; missing, one sentence."""

from pathlib import Path

import pytest

from deploy.errors import DeployError
from services.cli.address import Address, Where, find
from tests.support.finish_command import write_stack


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("FA_CLI__STACK", str(tmp_path / "stack.json"))
    return tmp_path / "stack.json"


@pytest.fixture
def stack(file: Path) -> Path:
    write_stack(
        file,
        ingest="http://stack:1/",
        console="http://stack:2",
        api_key="fak_stack",
        kafka="stack:3",
        postgres="postgresql://stack",
        ops={"relay": "http://stack:4"},
    )
    return file


def everything(address: Address) -> list[str]:
    return [
        address.ingest,
        address.console,
        address.api_key.get_secret_value(),
        address.kafka.bootstrap,
        address.postgres.url.get_secret_value(),
    ]


def test_the_local_stack_is_where_its_file_says(stack: Path) -> None:
    address = find(Where())
    assert everything(address) == ["http://stack:1", "http://stack:2", "fak_stack", "stack:3", "postgresql://stack"]
    assert address.ops == {"relay": "http://stack:4"}


def test_the_environment_comes_before_the_file_name_by_name(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CLI__INGEST": "http://env:1", "CLI__API_KEY": "fak_env", "KAFKA__BOOTSTRAP": "env:3"}.items():
        monkeypatch.setenv(f"FA_{name}", value)
    assert everything(find(Where())) == [
        "http://env:1",
        "http://stack:2",
        "fak_env",
        "env:3",
        "postgresql://stack",
    ]


def test_options_come_before_the_environment(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_CLI__INGEST", "http://env:1")
    write_stack(tmp_path / "other.json", console="http://other:2")
    address = find(Where(stack=tmp_path / "other.json", ingest="http://option:1"))
    assert (address.ingest, address.console) == ("http://option:1", "http://other:2")


def test_a_deployment_without_a_local_stack_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "FA_CLI__INGEST": "http://env:1",
        "FA_CLI__CONSOLE": "http://env:2",
        "FA_CLI__API_KEY": "fak_env",
        "FA_KAFKA__BOOTSTRAP": "env:3",
        "DATABASE_URL": "postgresql://env",
        "FA_CLI__OPS": '{"relay": "http://env:4"}',
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    address = find(Where())
    assert everything(address) == list(said.values())[:5]
    assert (address.ops, address.served) == ({"relay": "http://env:4"}, True)


@pytest.mark.parametrize("name", ["ingest", "console", "api_key", "kafka", "postgres"])
def test_no_stack_is_one_sentence_that_says_what_to_do(name: str) -> None:
    with pytest.raises(
        DeployError, match=r"stack\.json is missing: no stack is running there; start one with `make run`"
    ):
        getattr(find(Where()), name)


def test_a_stack_that_does_not_name_a_server_is_one_sentence(file: Path) -> None:
    write_stack(file, ingest="http://stack:1")
    with pytest.raises(DeployError, match=r"does not name console.*FA_CLI__CONSOLE"):
        _ = find(Where()).console


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_file_of_something_else_is_one_sentence(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(DeployError, match=r"stack\.json (cannot be read|is not the file)"):
        find(Where())


def test_secrets_are_not_in_what_is_printed_of_an_address(stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FA_CLI__API_KEY", "fak_env")
    assert "fak_env" not in repr(find(Where()))
