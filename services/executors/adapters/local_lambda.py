"""Local functions: `<folder>/<function>.py` with `handler(event, context)`, each call in a process of its own.

The process is told nothing of ours: a clean environment, the payload on its standard input, its answer on a pipe of its own. What
it prints goes to `<function>.log` beside it. When its time is over its whole group is killed.
"""

import asyncio
import os
import re
import signal
import sys
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
_CHUNK: Final = 64 * 1024


class LocalLambda:
    """Runs local functions, `connections_max` at a time."""

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
        reading, writing = os.pipe()
        context = {"aws_request_id": command_id, "function_name": name, "timeout_s": self._settings.local_timeout_s}
        try:
            with file.with_suffix(".log").open("ab") as told:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-I",
                    str(_RUNNER),
                    str(file),
                    str(writing),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=told,
                    stderr=told,
                    env={"PATH": _PATH, "LANG": "C.UTF-8"},
                    cwd=file.parent,
                    pass_fds=(writing,),
                    start_new_session=True,
                )
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(self._settings.local_timeout_s):
                return await self._talked(process, reading, orjson.dumps(context) + b"\n" + payload)
        except TimeoutError:
            raise RetryableError("no answer in time") from None
        finally:
            os.close(reading)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _talked(self, process: asyncio.subprocess.Process, reading: int, told: bytes) -> bytes:
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        with os.fdopen(os.dup(reading), "rb") as pipe:
            transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
            try:
                if process.stdin is not None:
                    with suppress(ConnectionError):
                        process.stdin.write(told)
                        await process.stdin.drain()
                        process.stdin.close()
                answer = await self._read(reader)
                if await process.wait() != 0:
                    raise RetryableError("the function failed")
                return answer
            finally:
                transport.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        answer = b""
        while chunk := await reader.read(_CHUNK):
            answer += chunk
            if len(answer) > self._settings.answer_max_bytes:
                raise PermanentError("the answer is too long")
        return answer
