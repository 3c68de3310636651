"""Links tracked alike in both parts, and only those that the template itself leads to."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mail_links import sites, track_html, track_text, web_address

KNOWN = frozenset({"shop.example", "bücher.example", "c.example:80"})
_TAIL = st.text(alphabet="abcXYZ019/?#&=%.-_~!()ü", max_size=30)


def _track(url: str) -> str | None:
    target = web_address(url, KNOWN)
    return None if target is None else f"T[{target}]"


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example/a b?x=ü&y=%20#f ", "https://shop.example/a%20b?x=%C3%BC&y=%20#f"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://c.example:80?x", "http://c.example:80?x"),
        ("https://shop.example/\\x\r\nSet-Cookie: y", "https://shop.example/%5Cx%0D%0ASet-Cookie:%20y"),
        ("https://shop.example@evil.example/", None),
        ("https://shop.example\\@evil.example/", None),
        ("https://shop.example.evil.example/", None),
        ("https://c.example/", None),
        ("//shop.example/", None),
        ("mailto:a@shop.example", None),
        ("tel:1", None),
        ("#top", None),
        ("ftp://shop.example/", None),
        ("https://shop.example/" + "x" * 5000, None),
    ],
)
def test_a_web_address_of_a_known_site_is_followed_as_it_goes_over_the_wire(written: str, target: str | None) -> None:
    assert web_address(written, KNOWN) == target


def test_a_template_names_a_site_only_in_full() -> None:
    template = (
        "https://a.example/{{ x }} (http://b.example:8080) <https://c.example>, https://d.example. "
        "https://no.example{{ x }}/ https://no.example.{{ x }}/ https://{{ x }}.no.example/ https://u@no.example/ {{ x }}"
    )
    assert sites(template) == {"a.example", "b.example:8080", "c.example", "d.example"}


def test_links_of_html_are_tracked_and_nothing_else_is_touched() -> None:
    html = (
        '<A class=x HREF="https://shop.example/?a=1&amp;b=2">https://shop.example/</A><area href=https://shop.example/m>'
        '<!--[if mso]><v:roundrect href="https://shop.example/v"><![endif]--><!-- <a href="https://shop.example/c"> -->'
        '<style>a{background:url(https://shop.example/s)}</style><img src="https://shop.example/i"><a href="mailto:a@b.c">m</a>'
    )
    expected = (
        html.replace('"https://shop.example/?a=1&amp;b=2"', '"T[https://shop.example/?a=1&amp;b=2]"')
        .replace("=https://shop.example/m", '="T[https://shop.example/m]"')
        .replace('"https://shop.example/v"', '"T[https://shop.example/v]"')
    )
    assert track_html(html, _track) == expected


@pytest.mark.parametrize("address", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", "vbscript:x"])
def test_a_link_that_runs_leads_nowhere(address: str) -> None:
    assert track_html(f'<a href="{address}">x</a>', _track) == '<a href="#">x</a>'


@pytest.mark.parametrize(
    ("text", "tracked"),
    [
        ("see https://shop.example/c_(d).", "see T[https://shop.example/c_(d)]."),
        ("(https://shop.example/) https://shop.example/,", "(T[https://shop.example/]) T[https://shop.example/],"),
        ("<https://shop.example/?a=1&b=2>!", "<T[https://shop.example/?a=1&b=2]>!"),
        ("https://evil.example/ and xhttps://shop.example/", "https://evil.example/ and xhttps://shop.example/"),
    ],
)
def test_addresses_in_text_are_tracked_without_the_sentence_around_them(text: str, tracked: str) -> None:
    assert track_text(text, _track) == tracked


@given(_TAIL)
def test_both_parts_lead_to_the_same_target(tail: str) -> None:
    url = f"https://shop.example/{tail}x"
    html = track_html(f'<p><a href="{escape(url)}">x</a></p>', _track)
    text = track_text(f"x <{url}>\n", _track)
    target = web_address(url, KNOWN)
    assert target is not None
    assert html == f'<p><a href="{escape(f"T[{target}]")}">x</a></p>'
    assert text == f"x <T[{target}]>\n"


@given(st.text(max_size=60))
def test_text_and_html_without_links_stay_as_they_are(text: str) -> None:
    if "http" not in text.lower():
        assert track_text(text, _track) == text
    if "href" not in text.lower():
        assert track_html(text, _track) == text


@given(st.text(alphabet="<a href='\"=>!-htps:/.exmlo ", max_size=80))
def test_whatever_html_it_is_nothing_but_targets_changes(html: str) -> None:
    assert track_html(html, lambda _: None) == html
