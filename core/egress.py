"""Which addresses a URL of a customer's may lead to: those that are anybody's on the public Internet, and no others.

`ipaddress.is_global` is no guard: it is True for NAT64 and 6to4 forms of the metadata address, for multicast and for site-local
ones. So what is allowed is listed: IPv4 outside of every special-purpose block, IPv6 within 2000::/3 outside of them, and an
IPv4 address inside an IPv6 one counts as itself.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 4291 (mapped, compatible), RFC 6052 (NAT64), RFC 3056 (6to4),
RFC 4380 (Teredo), RFC 5214 (ISATAP); the IPv4 parser of the WHATWG URL Standard for short, octal and hexadecimal forms.
"""

import re
import unicodedata
from collections.abc import Container
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

HostPort = tuple[str, int]
"""A host's name or address in its canonical form, and a port."""

_IPV4_DENIED: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_IPV6_ALLOWED: Final = IPv6Network("2000::/3")
_IPV6_DENIED: Final = tuple(
    IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
_MAPPED: Final = (IPv6Network("::ffff:0:0/96"), IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
_OURS: Final = (
    "localhost",
    "local",
    "internal",
    "localdomain",
    "home.arpa",
    "lan",
    "intranet",
    "private",
    "corp",
    "home",
)
_METADATA: Final = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII).fullmatch
_PORTS: Final = frozenset({80, 443})
_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")


class EgressError(ValueError):
    """The URL must not be called; says why, in constant words."""


def denied(address: IPv4Address | IPv6Address) -> bool:
    """Return whether nobody's webhook may be at this address."""
    if isinstance(address, IPv4Address):
        return any(address in block for block in _IPV4_DENIED)
    if (inner := _embedded(address)) is not None:
        return denied(inner)
    if address.scope_id is not None or int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return True
    return address not in _IPV6_ALLOWED or any(address in block for block in _IPV6_DENIED)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that this one stands for, if it does."""
    number = int(address)
    if any(address in block for block in _MAPPED):
        return IPv4Address(number & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(number >> 80 & 0xFFFFFFFF)
    if address in _TEREDO:
        return IPv4Address(~number & 0xFFFFFFFF)
    return None


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host of a URL spells, None for a name. Raises EgressError for one that is neither."""
    if host.startswith("[") or ":" in host:
        try:
            return IPv6Address(host.strip("[]"))
        except AddressValueError:
            raise EgressError("its host is no address") from None
    last = host.rsplit(".", 1)[-1]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        return _ipv4(host)
    return None


def _ipv4(host: str) -> IPv4Address:
    """Read an IPv4 address as browsers and resolvers do: one to four numbers, decimal, octal or hexadecimal."""
    try:
        numbers = [_number(part) for part in host.split(".")]
    except ValueError:
        raise EgressError("its host is no address") from None
    *heads, tail = numbers
    if len(numbers) > 4 or any(head > 255 for head in heads) or tail >= 256 ** (5 - len(numbers)):  # noqa: PLR2004 - octets
        raise EgressError("its host is no address")
    return IPv4Address(sum(head << 8 * (3 - place) for place, head in enumerate(heads)) + tail)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if text.startswith("0") and len(text) > 1 else int(text, 10)


def checked(url: str, allowed: Container[HostPort]) -> HostPort:
    """Return where the URL leads, or raise EgressError. Nothing is resolved: names are judged again at each connection.

    `allowed` hosts and ports may be reached whatever they are, and without TLS.
    """
    parts = _split(url)
    host, port = _canonical(parts.hostname or ""), _port(parts)
    if (host, port) in allowed:
        return host, port
    if parts.scheme != "https":
        raise EgressError("it must be https")
    if port not in _PORTS:
        raise EgressError("its port must be 443")
    address = literal(host)
    if address is not None:
        if denied(address):
            raise EgressError("its address is not on the public Internet")
    elif host in _METADATA or "." not in host or any(host == ours or host.endswith("." + ours) for ours in _OURS):
        raise EgressError("its host is not on the public Internet")
    return host, port


def destination(url: str) -> str:
    """Return the lane of a URL: where it leads, without its query."""
    parts = urlsplit(url)
    try:
        host = _canonical(parts.hostname or "")
        port = f":{_port(parts)}"
    except EgressError:
        return "invalid"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}{parts.path or '/'}"[:1000]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise EgressError("it is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise EgressError("it must be an http or https URL")
    if "@" in parts.netloc or "\\" in url or any(ord(letter) <= ord(" ") or letter == "\x7f" for letter in url):
        raise EgressError("its host must stand alone, without user, blanks or backslashes")
    if "[" in parts.netloc and ":" not in (parts.hostname or ""):
        raise EgressError("its host is no address")
    if parts.fragment:
        raise EgressError("it must have no fragment")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise EgressError("its port is no port") from None
    if port == 0:
        raise EgressError("its port is no port")
    return port or (443 if parts.scheme == "https" else 80)


def _canonical(host: str) -> str:
    """Return the host in its one spelling: lower case, no escapes, compatible letters folded, names in their ASCII form."""
    folded = unicodedata.normalize("NFKC", unquote(host)).translate(_DOTS).lower()
    folded = folded.removesuffix(".")
    if ":" in folded:
        try:
            return str(IPv6Address(folded))
        except AddressValueError:
            raise EgressError("its host is no address") from None
    try:
        name = folded.encode("idna").decode("ascii") if not folded.isascii() else folded
    except UnicodeError:
        raise EgressError("its host is no name") from None
    if not _NAME(name) or len(name) > 253:  # noqa: PLR2004 - RFC 1035
        raise EgressError("its host is no name")
    address = literal(name)
    return name if address is None else str(address)
