"""Make `.venv` hold exactly what a lock in `requirements/` names; nothing is done when it does already.

    python3 deploy/environment.py local|dev

Run by whatever Python there is, so it needs the standard library only, is written for old ones too, and says in one
sentence when that Python is too old, the package index cannot be reached or the disk is full.
"""
# ruff: noqa: UP045 - `X | None` is a mistake to the very Pythons that are to be told that they are too old

import hashlib
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Optional

PYTHON_MIN = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SATISFIED_BY = {"local": ("local", "dev"), "dev": ("dev",)}
"""Which installed lock will do for a wanted one: `dev` holds all of `local`."""

PIP_OPTIONS = (
    "--require-hashes",
    "--no-input",
    "--quiet",
    "--disable-pip-version-check",
    "--no-compile",
    *("--retries", "2"),
    *("--timeout", "15"),
)


def main() -> int:
    """Check, install, remember what was installed; return the exit code."""
    if sys.version_info < PYTHON_MIN:
        needed, found = (".".join(map(str, version)) for version in (PYTHON_MIN, sys.version_info[:3]))
        return refuse(f"Python {needed} or newer is needed, this is {found}: name another, say make PYTHON=python3.12")
    wanted = sys.argv[1]
    if any(installed(lock) == fingerprint(lock) for lock in SATISFIED_BY[wanted]):
        return 0
    began = time.monotonic()
    print(f"setup      installing what requirements/{wanted}.txt names, once", flush=True)
    try:
        if not (VENV / "bin" / "pip").exists():
            venv.create(VENV, with_pip=True, clear=True)
        problem = install(wanted)
        if problem is None:
            stamp(wanted).write_text(fingerprint(wanted))
    except OSError as exc:
        problem = f"{VENV} cannot be written: {exc.strerror or exc}"
    except subprocess.CalledProcessError as exc:
        problem = f"{VENV} cannot be made: {last_line(str(exc.stdout or exc))}"
    if problem is not None:
        return refuse(problem)
    print(f"setup      ready after {time.monotonic() - began:.0f} s", flush=True)
    return 0


def install(lock: str) -> Optional[str]:
    """Install the lock, every file checked against its hash; return what went wrong, or None."""
    done = subprocess.run(  # noqa: S603 - a program of ours, no words of others
        [str(VENV / "bin" / "python"), "-m", "pip", "install", *PIP_OPTIONS, "--requirement", str(lock_file(lock))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    if "No space left on device" in done.stdout:
        return f"the disk is full: {VENV} cannot be written"
    if any(sign in done.stdout for sign in ("Retrying (", "ConnectionError", "Could not fetch URL")):
        return "the package index cannot be reached: check the network, or name a mirror in PIP_INDEX_URL"
    return f"the packages cannot be installed: {last_line(done.stdout)}"


def fingerprint(lock: str) -> str:
    """Return what changes when the lock or the Python does."""
    return hashlib.sha256(lock_file(lock).read_bytes() + sys.version.encode()).hexdigest()


def installed(lock: str) -> Optional[str]:
    """Return the fingerprint of the lock when it was installed, or None."""
    return stamp(lock).read_text() if stamp(lock).exists() else None


def lock_file(lock: str) -> Path:
    """Return the path of a lock."""
    return ROOT / "requirements" / f"{lock}.txt"


def stamp(lock: str) -> Path:
    """Return the path of the file that remembers an installed lock."""
    return VENV / f".installed-{lock}"


def last_line(output: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def refuse(sentence: str) -> int:
    """Say what is wrong and return the exit code for it."""
    print(f"error: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
