"""The spam window: the same prospect, asset, trigger and address, five times in 300 s; for forms, whatever the asset.

Only the newest `spam_attempts - 1` times are kept: an attempt is spam exactly when all of them are inside the window.
"""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from core.limits import Limits


@lru_cache(maxsize=65_536)
def address(ip: str) -> str:
    """Return what counts as one address: IPv4 as it is, IPv6 by its /64, a mapped IPv4 as IPv4, anything else as text."""
    try:
        parsed = ip_address(ip.strip())
    except ValueError:
        return ip.strip()
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def is_spam(times_ms: tuple[int, ...], now_ms: int, limits: Limits) -> bool:
    """Say whether an attempt at `now_ms` is one too many after `times_ms`. Exactly a window ago is outside."""
    opened_ms = now_ms - limits.spam_window_ms
    return sum(time_ms > opened_ms for time_ms in times_ms) >= limits.spam_attempts - 1


def attempted(times_ms: tuple[int, ...], now_ms: int, limits: Limits) -> tuple[int, ...]:
    """Return the times to keep after an attempt at `now_ms`; refused attempts count too."""
    return (*times_ms, now_ms)[-(limits.spam_attempts - 1) :]
