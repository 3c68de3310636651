"""Start Kafka in half the time: from a cache of its loaded classes, which Java >= 25 makes in a trial run (JEP 514).

The trial run happens once per user and version of Kafka, in a folder of its own. It is a convenience: when it fails, Kafka
starts without, and a cache that does not fit is ignored by Java.
"""

import hashlib
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from deploy.local.child import Child
from deploy.local.kafka import KafkaServer
from deploy.local.ports import free_port

MAJOR_MIN: Final = 25
_STOP_TIMEOUT_S: Final = 120.0


async def warmed(server: KafkaServer, cache_dir: Path) -> KafkaServer:
    """Return the server with its cache, made now when there is none yet."""
    if server.java.major < MAJOR_MIN:
        return server
    known_by = hashlib.sha256(f"{server.java} {server.class_path}".encode()).hexdigest()[:16]
    cache = cache_dir / f"kafka-{known_by}.aot"
    if not cache.exists():
        with suppress(DeployError, OSError):
            await _trial_run(server, cache)
    return replace(server, java_options=(f"-XX:AOTCache={cache}",)) if cache.exists() else server


async def _trial_run(server: KafkaServer, cache: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="trial-", dir=cache.parent))
    try:
        draft = folder / cache.name
        trial = replace(server, folder=folder, port=free_port(), java_options=(f"-XX:AOTCacheOutput={draft}",))
        await trial.prepare()
        child = Child(replace(trial.spec(folder / "kafka.log"), stop_timeout_s=_STOP_TIMEOUT_S))
        try:
            await child.start()
            await child.wait_ready()
        finally:
            await child.stop()  # Java writes the cache as it ends
        if draft.exists():
            draft.replace(cache)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
