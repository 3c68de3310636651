"""Kafka's jars come from a Maven repository once, and are what the pins say or are not used."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.errors import DeployError
from deploy.local import jars
from deploy.local.settings import LocalSettings

CONTENT = b"the bytes of a jar"
PATH = Path("org/example/thing/1.0/thing-1.0.jar")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, LocalSettings]]:
    """A Maven repository with one jar, which is pinned, and settings with an empty cache that point at it."""
    folder = tmp_path / "repository"
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(CONTENT)
    pins = tmp_path / "pins.txt"
    pins.write_text(f"# made by a test\norg.example:thing:1.0 {hashlib.sha256(CONTENT).hexdigest()}\n")
    monkeypatch.setattr(jars, "PINS", pins)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    yield folder, LocalSettings(cache_dir=tmp_path / "cache", maven_url=url)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_jar_is_fetched_once_and_then_needs_no_network(repository: tuple[Path, LocalSettings]) -> None:
    folder, settings = repository
    first = jars.class_path(settings)
    (folder / PATH).unlink()
    assert (jars.class_path(settings), Path(first).read_bytes()) == (first, CONTENT)


def test_a_download_that_was_cut_off_is_fetched_again(repository: tuple[Path, LocalSettings]) -> None:
    _, settings = repository
    cached = Path(jars.class_path(settings))
    cached.write_bytes(CONTENT[:5])
    assert Path(jars.class_path(settings)).read_bytes() == CONTENT


def test_a_jar_that_is_not_the_pinned_one_is_refused_and_not_kept(repository: tuple[Path, LocalSettings]) -> None:
    folder, settings = repository
    (folder / PATH).write_bytes(b"something else")
    with pytest.raises(DeployError, match=r"thing-1\.0\.jar from http://127\.0\.0\.1:\d+ is not the pinned file"):
        jars.class_path(settings)
    assert list(settings.cache_dir.rglob("*.jar")) == []


def test_a_jar_that_the_repository_lacks_is_told_in_one_sentence(repository: tuple[Path, LocalSettings]) -> None:
    folder, settings = repository
    (folder / PATH).unlink()
    with pytest.raises(DeployError, match=r"cannot be fetched from http://127\.0\.0\.1:\d+ \(not found there\)"):
        jars.class_path(settings)
