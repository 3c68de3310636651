"""The one question that an error answers: try again, or not? Drivers' errors are translated into these, once, where
the driver is called; any other exception is a bug.

Messages say what failed and for which id, never a payload or a secret: they are logged and kept in dead letters.
"""


class RetryableError(Exception):
    """It may work later, after `after` seconds if the other side said so. The effect may or may not have happened."""

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class PermanentError(Exception):
    """It will never work, however often it is tried: the command or record becomes a dead letter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
