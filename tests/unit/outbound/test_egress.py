from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.egress import EgressError, checked, denied, destination
from tests.unit.outbound.forbidden import ALLOWED, spellings

FORBIDDEN = sorted(set(spellings()))
NOBODY: frozenset[tuple[str, int]] = frozenset()


def test_there_are_many_spellings() -> None:
    assert len(FORBIDDEN) >= 600


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_forbidden_address_is_refused_however_it_is_spelled(url: str) -> None:
    with pytest.raises(EgressError) as refusal:
        checked(url, NOBODY)
    assert url not in str(refusal.value) or not url


@pytest.mark.parametrize("url", ALLOWED)
def test_what_is_on_the_public_internet_is_allowed(url: str) -> None:
    assert checked(url, NOBODY)[1] == 443


def test_what_the_operator_allows_is_reached_without_tls_and_nothing_beside_it() -> None:
    allowed = frozenset({("127.0.0.1", 8080), ("hooks.internal", 443)})
    assert checked("http://127.0.0.1:8080/x", allowed) == ("127.0.0.1", 8080)
    assert checked("http://2130706433:8080/x", allowed) == ("127.0.0.1", 8080)
    assert checked("https://Hooks.internal/x", allowed) == ("hooks.internal", 443)
    for url in ("http://127.0.0.1:8081/", "https://127.0.0.1/", "https://other.internal/", "http://hooks.internal/"):
        with pytest.raises(EgressError):
            checked(url, allowed)


@given(st.ip_addresses(v=4))
def test_an_address_within_another_counts_as_itself(address: IPv4Address) -> None:
    number = int(address)
    for prefix in (0xFFFF << 32, 0x64FF9B << 96):
        assert denied(IPv6Address(prefix | number)) == denied(address)
    assert denied(IPv6Address((0x2002 << 112) | (number << 80))) == denied(address)


@given(st.text())
def test_any_text_is_judged_without_another_error(text: str) -> None:
    try:
        host, port = checked(text, NOBODY)
    except EgressError:
        return
    assert host
    assert port in {80, 443}


def test_a_lane_is_where_a_url_leads_without_its_query() -> None:
    assert destination("https://Shop.example.com/hook?key=1") == "https://shop.example.com:443/hook"
    assert destination("https://shop.example.com.:443/hook") == "https://shop.example.com:443/hook"
    assert destination("http://[::1]:8080") == "http://[::1]:8080/"
    assert destination("https://256.1.1.1/") == "invalid"
