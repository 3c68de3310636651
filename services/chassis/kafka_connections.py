"""What aiokafka does not know of uvloop: writing to a connection that has broken raises RuntimeError there, not OSError.

It escapes all that handles broken connections, and ends the task that keeps a client's metadata: from then on the client
never finds its coordinator again, commits nothing and says nothing, while it goes on reading. Seen with aiokafka 0.14.0
(`conn.py`, `AIOKafkaConnection.send`) and uvloop 0.22, about once in fifty restarts of a broker. Mended here, for every client
of the process; a test notices when a release changes what is replaced.
"""

from functools import wraps
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_METHODS: Final = ("send", "_send_sasl_token")


def mend() -> None:
    """Let a broken connection be told as one. Once is enough, and more do no harm."""
    for name in _METHODS:
        original = getattr(AIOKafkaConnection, name)
        if not hasattr(original, "__wrapped__"):
            setattr(AIOKafkaConnection, name, _told(original))


def _told(original: Any) -> Any:
    @wraps(original)
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except RuntimeError as exc:
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {exc}") from exc

    return send
