"""Ports of this machine: a free one, or the certainty that a wanted one is free."""

import random
import socket
from contextlib import suppress
from typing import Final

from deploy.errors import DeployError
from deploy.local.settings import HOST

_OURS: Final = range(20_000, 32_768)
"""Below what Linux, macOS and Windows give to outgoing connections: these would take a port while its server is down."""
_TRIES: Final = 100
_given: set[int] = set()
"""By this process: whoever was given one may listen on it only later."""


def free_port() -> int:
    """Return a port that nobody has right now, that nobody else was given, and that a server may come back to.

    Raises DeployError.
    """
    for port in random.sample(sorted(set(_OURS) - _given), _TRIES):
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            _given.add(port)
            return port
    raise DeployError(f"no port between {_OURS.start} and {_OURS.stop} is free")


def keep_to_share(number: int, shares: int) -> None:
    """Let `free_port` give out every `shares`-th port only, so that processes that draw at once never draw the same."""
    _given.update(port for port in _OURS if port % shares != number)


def claim(port: int, *, owner: str, setting: str) -> int:
    """Return the port, a free one for 0. Raises DeployError when somebody listens on it already."""
    if port == 0:
        return free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(1)
        except OSError as exc:
            raise DeployError(
                f"port {port} for {owner} is taken ({exc.strerror}): stop what uses it, or choose another with {setting}"
            ) from None
    return port
