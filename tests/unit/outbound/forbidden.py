"""Spellings of addresses that no webhook may lead to."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import product

TARGETS = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
]
IPV6 = [
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::127.0.0.1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fdff:ffff::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "64:ff9b:1::1",
    "2001:db8::1",
    "2001::1",
    "2001:10::1",
    "2001:20::1",
    "2001:2::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "2001:4860:4860::5efe:7f00:1",
    "2001:4860:4860::200:5efe:a9fe:a9fe",
]
NAMES = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "foo.localhost",
    "a.b.localhost.",
    "loc%61lhost",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "printer.local",
    "db.internal",
    "metadata.google.internal",
    "metadata.google.internal.",
    "METADATA.google.internal",
    "metadata",
    "instance-data",
    "router.lan",
    "nas.home",
    "wiki.corp",
    "host.docker.internal",
    "kubernetes.default.svc.cluster.local",
    "gateway.home.arpa",
    "intranet",
    "db",
]
OTHERS = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "https:///path",
    "https://",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com:22/",
    "https://example.com:8080/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:-1/",
    "https://example.com/#fragment",
    "https://exa mple.com/",
    "https://exam\tple.com/",
    "https://example.com\r\nHost: other/",
    "https://-example.com/",
    "https://example..com/",
    "https://.com/",
    "https://1.2.3.4.5/",
    "https://256.256.256.256/",
    "https://0x/",
    "https://1.2.3.0x1ff/",
    "https://09.1.1.1/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[::1]evil/",
    "https://[v1.x]/",
    "javascript:alert(1)",
    "",
]


def spellings() -> Iterator[str]:
    """Yield URLs."""
    for target in TARGETS:
        yield from (f"https://{host}/hook" for host in _spelled(IPv4Address(target)))
    for address in IPV6:
        yield f"https://[{address}]/hook"
        yield f"https://[{IPv6Address(address).exploded.upper()}]:443/"
    for name in NAMES:
        yield f"https://{name}/hook"
    yield from OTHERS


def _spelled(address: IPv4Address) -> Iterator[str]:
    number, octets = int(address), address.packed
    a, b, c, d = octets
    yield str(address)
    yield f"{address}."
    yield str(number)
    yield f"0x{number:x}"
    yield f"0X{number:08X}"
    yield f"0{number:o}"
    yield ".".join(f"0x{octet:x}" for octet in octets)
    yield ".".join(f"0{octet:o}" for octet in octets)
    yield f"{a}.{number & 0xFFFFFF}"
    yield f"{a}.{b}.{number & 0xFFFF}"
    yield f"0x{a:x}.{b}.0{c:o}.{d}"
    yield str(address).replace(".", "%2e")
    yield "".join(f"%{ord(letter):02x}" for letter in str(address))
    yield str(address).replace(".", "\u3002")
    yield "".join(chr(0xFF10 + int(letter)) if letter.isdigit() else "\uff0e" for letter in str(address))
    yield f"[::ffff:{address}]"
    yield f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]"
    yield f"[0:0:0:0:0:ffff:{number >> 16:x}:{number & 0xFFFF:x}]"
    yield f"[::{address}]"
    yield f"[64:ff9b::{address}]"
    yield f"[64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}]"
    yield f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::]"
    yield f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]"
    inverted = number ^ 0xFFFFFFFF
    yield f"[2001:0:4136:e378:8000:63bf:{inverted >> 16:x}:{inverted & 0xFFFF:x}]"
    yield f"[2001:4860::5efe:{number >> 16:x}:{number & 0xFFFF:x}]"


ALLOWED = [
    f"{scheme}{host}{rest}"
    for scheme, host, rest in product(
        ["https://"],
        [
            "example.com",
            "EXAMPLE.com.",
            "b\u00fccher.example.com",
            "8.8.8.8",
            "134744072",
            "1.1.1.1",
            "[2606:4700:4700::1111]",
            "[::ffff:8.8.8.8]",
            "[2002:808:808::1]",
            "[64:ff9b::8.8.8.8]",
            "127.0.0.1.example.com",
            "local.example.com",
        ],
        ["/", "/hook?x=127.0.0.1", ":443/"],
    )
]
