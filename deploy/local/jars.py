"""Kafka's jars: fetched once through jgo, pinned by version and hash in `kafka_jars.txt`, checked at every start.

What does not match its hash is fetched again, then refused. Starts at the same time share one cache and wait for each
other. `python -m deploy.local.jars` writes the pins anew after `ROOTS` has changed (`make lock`).
"""

import fcntl
import hashlib
import logging
import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext
from jgo.parse import Coordinate

from deploy.errors import DeployError
from deploy.local.settings import LocalSettings, load

ROOTS: Final = ("org.apache.kafka:kafka_2.13:4.3.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!")
"""The mark ! keeps log4j from choosing the versions of what Kafka needs."""

PINS: Final = Path(__file__).with_name("kafka_jars.txt")
_DOWNLOADS_MAX: Final = 8
_READ_TIMEOUT_S: Final = 20


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar."""

    group: str
    artifact: str
    version: str
    sha256: str


def class_path(settings: LocalSettings) -> str:
    """Return Java's class path, after fetching what is not in the cache. Raises DeployError in one sentence."""
    cache = settings.cache_dir / "maven"
    cache.mkdir(parents=True, exist_ok=True)
    context = _context(cache, settings.maven_url)
    with _locked(cache / ".lock"), ThreadPoolExecutor(_DOWNLOADS_MAX) as pool:
        return ":".join(str(path) for path in pool.map(lambda jar: _fetch(context, jar), pins()))


def pins() -> Sequence[Jar]:
    """Read the pins."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return tuple(_pin(line) for line in lines if not line.startswith("#"))


def _pin(line: str) -> Jar:
    coordinate, digest = line.split()
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, digest)


def _fetch(context: MavenContext, jar: Jar) -> Path:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    cached = Path(artifact.cached_path or context.repo_cache / artifact.filename)
    if cached.exists() and _sha256(cached) != jar.sha256:
        cached.unlink()  # a download that was cut off
    where = ", ".join(context.remote_repos.values())
    try:
        path = Path(artifact.resolve())
    except (requests.RequestException, RuntimeError) as exc:
        cached.unlink(missing_ok=True)
        raise DeployError(
            f"Kafka's jars cannot be fetched from {where} ({_reason(exc)}); check the network, "
            "or name a mirror of Maven Central in FA_LOCAL__MAVEN_URL"
        ) from exc
    if _sha256(path) != jar.sha256:
        path.unlink()
        raise DeployError(f"{path.name} from {where} is not the pinned file: its SHA-256 differs")
    return path


def _reason(exc: Exception) -> str:
    match exc:
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted"
        case requests.ConnectionError():
            return "no connection"
        case _:
            return "not found there"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _context(cache: Path, maven_url: str | None) -> MavenContext:
    logging.getLogger("jgo").setLevel(logging.ERROR)
    _trust_the_system()
    url = (maven_url or MAVEN_CENTRAL_URL).rstrip("/")
    return MavenContext(repo_cache=cache, local_repos=[], remote_repos={"central": url}, timeout=_READ_TIMEOUT_S)


def _trust_the_system() -> None:
    """Let requests take the system's certificates, to which a company adds its own, instead of the list it brings."""
    paths = ssl.get_default_verify_paths()
    known = paths.cafile or (paths.capath if paths.capath and any(Path(paths.capath).iterdir()) else None)
    if known and "CURL_CA_BUNDLE" not in os.environ:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", known)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(settings: LocalSettings) -> None:
    context = _context(settings.cache_dir / "maven", settings.maven_url)
    roots, others = context.resolver.resolve([context.create_dependency(Coordinate.parse(root)) for root in ROOTS])
    artifacts = [dependency.artifact for dependency in (*roots, *others)]
    lines = sorted(f"{a.groupId}:{a.artifactId}:{a.version} {_sha256(Path(a.resolve()))}" for a in artifacts)
    PINS.write_text("# Made by `make lock` from deploy/local/jars.py.\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _lock(load())
    print(f"{len(pins())} jars pinned", file=sys.stderr)
