"""Whose request it is: the peer's address, or what proxies that are trusted say of it.

Source: the walk from the right of MDN's "X-Forwarded-For: selecting an IP address"; only that one header is read.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_HOPS_MAX = 50
_KEPT_MAX = 1024


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """Return the address of who asks, None when even the peer has none.

    `forwarded` are the values of the request's X-Forwarded-For headers, `trusted` the networks of our own proxies. From a
    peer that is no proxy of ours the header is ignored; else the rightmost address that is none of our proxies counts, and
    the peer where an entry on the way there is no address.
    """
    address = _parsed(peer or "")
    if address is None:
        return None
    if not forwarded or not _is_trusted(address, trusted):
        return str(address)
    for entry in reversed(",".join(forwarded).split(",")[-_HOPS_MAX:]):
        hop = _parsed(entry)
        if hop is None:
            return str(address)
        if not _is_trusted(hop, trusted):
            return str(hop)
    return str(address)


def _is_trusted(address: IPv4Address | IPv6Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


@lru_cache(maxsize=_KEPT_MAX)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with a port or without: `203.0.113.7:4711`, `[2001:db8::1]:4711`. A mapped IPv4 is an IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
