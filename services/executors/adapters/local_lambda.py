"""Local functions: `<folder>/<function>.py` with `handler(event, context)`, each call in a process of its own.

The process is told nothing of ours: a clean environment, the payload on its standard input, its answer in an open file of its own. What
it prints goes to `<function>.log` beside it. When its time is over its whole group is killed.
"""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from services.chassis.errors import PermanentError, RetryableError
from services.executors.settings import Lambda

_RUNNER: Final = Path(__file__).with_name("local_function.py")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII).fullmatch
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
_LOG_MAX: Final = 8 * 1024 * 1024


class LocalLambda:
    """Runs local functions, `local_processes_max` at a time."""

    def __init__(self, settings: Lambda) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(settings.local_processes_max)

    async def invoke(
        self, params: Mapping[str, Any], command_id: str, payload: bytes
    ) -> tuple[bytes | None, str, str | None]:
        """Call a function once: see `lambdas.Provider`. An asynchronous call waits, too, and answers nothing."""
        name = params["function"]
        file = self._settings.local_folder.absolute() / f"{name}.py"
        if not _NAME(name) or not file.is_file():
            raise PermanentError("there is no such local function")
        async with self._places:
            answer = await self._run(file, name, command_id, payload)
        return (answer, "200", None) if params.get("mode", "sync") == "sync" else (None, "202", None)

    async def _run(self, file: Path, name: str, command_id: str, payload: bytes) -> bytes:
        context = {"aws_request_id": command_id, "function_name": name, "timeout_s": self._settings.local_timeout_s}
        with tempfile.TemporaryFile() as answers, _log_of(file).open("ab") as told:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_RUNNER),
                str(file),
                str(answers.fileno()),
                stdin=asyncio.subprocess.PIPE,
                stdout=told,
                stderr=told,
                env={"PATH": _PATH, "LANG": "C.UTF-8"},
                cwd=file.parent,
                pass_fds=(answers.fileno(),),
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(self._settings.local_timeout_s):
                    await process.communicate(orjson.dumps(context) + b"\n" + payload)
            except TimeoutError:
                raise RetryableError("no answer in time") from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            if process.returncode != 0:
                raise RetryableError("the function failed")
            if os.fstat(answers.fileno()).st_size > self._settings.answer_max_bytes:
                raise PermanentError("the answer is too long")
            answers.seek(0)
            return answers.read()


def _log_of(file: Path) -> Path:
    """Return where a function's prints go; begun anew when it has grown long."""
    log = file.with_suffix(".log")
    if log.exists() and log.stat().st_size > _LOG_MAX:
        log.unlink()
    return log
