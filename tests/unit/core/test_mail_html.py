"""HTML made ready at save: styles in the elements, Liquid where it was."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mail_html import MarkupError, prepare_html
from core.mail_text import text_of_html
from core.templates import render, render_html

TAGS: dict[str, Any] = {"prospect": {"first_name": "Ann", "tags": ["hot", "vip"], "score": 5}}


@pytest.mark.parametrize(
    "liquid",
    [
        "{{ prospect.first_name }}",
        "{{ prospect.first_name | default: '<you>' }}",
        '{{ prospect.first_name | default: "you & me" }}',
        "{%- if prospect.score > 3 -%}hot{%- else -%}cold{%- endif -%}",
        "{% comment %}<p>{{ nothing }}{% endcomment %}",
        "{% raw %}{{ not this }}{% endraw %}",
    ],
)
@pytest.mark.parametrize(
    "html",
    [
        "<p>{}</p>",
        "<title>{}</title><p>x</p>",
        '<a href="https://shop.example/?a={}&amp;b=2">x</a>',
        "<p class='{}'>x</p>",
        "<!--[if mso]>{}<![endif]--><p>x</p>",
        "{}<p>x</p>{}",
    ],
)
def test_liquid_survives_as_it_was_written(liquid: str, html: str) -> None:
    assert prepare_html(html.replace("{}", liquid)).count(liquid) == html.count("{}")


def test_styles_go_into_the_elements_and_those_of_small_screens_stay() -> None:
    html = "<style>p{color:red} @media (max-width:9em){p{color:blue}}</style><p>x</p>"
    ready = prepare_html(html)
    assert '<p style="color: red;">x</p>' in ready
    assert "@media (max-width:9em)" in ready


def test_a_merge_field_in_a_style_is_filled_in_wherever_the_style_goes() -> None:
    ready = prepare_html("<style>p{width:{{ prospect.score }}px}</style><p>a</p><p>b</p>")
    assert render_html(ready, TAGS).count("width: 5px") == 2


def test_a_style_sheet_with_branches_stays_as_it_is() -> None:
    sheet = "<style>{% if prospect.score > 3 %}p{color:red}{% endif %}</style>"
    assert sheet in prepare_html(f"{sheet}<p>x</p>")


def test_a_loop_over_the_rows_of_a_table_stays_around_the_rows() -> None:
    html = "<table>{% for tag in prospect.tags %}<tr><td>{{ tag }}</td></tr>{% endfor %}</table>"
    assert "<table><tr><td>hot</td></tr><tr><td>vip</td></tr></table>" in render_html(prepare_html(html), TAGS)


@pytest.mark.parametrize(
    "html",
    [
        '<p {% if prospect.score > 3 %}class="a"{% endif %}>x</p>',
        "<p {{ prospect.first_name }}>x</p>",
        "{% if prospect.score > 3 %}<div class=a>{% else %}<div class=b>{% endif %}x</div>",
        "<table><tr><td>{{ prospect.first_name }}</td></tr>{{ prospect.score }}</table>",
    ],
)
def test_liquid_that_html_cannot_keep_is_refused(html: str) -> None:
    with pytest.raises(MarkupError):
        prepare_html(html)


def test_no_style_sheet_is_fetched() -> None:
    ready = prepare_html(
        '<link rel="stylesheet" href="file:///etc/passwd"><link rel="stylesheet" href="http://127.0.0.1:9/"><p>x</p>'
    )
    assert "root:" not in ready


def test_what_looks_like_a_placeholder_is_text() -> None:
    ready = prepare_html("<p>lq0q0x lq1q0x {{ prospect.first_name }}</p>")
    assert "<p>lq0q0x lq1q0x {{ prospect.first_name }}</p>" in ready


def test_html_that_grows_beyond_what_renders_is_refused() -> None:
    with pytest.raises(MarkupError, match="longer"):
        prepare_html(f"<style>p{{color:red;font-family:'{'x' * 1000}'}}</style>{'<p>x</p>' * 1000}")


_WORDS = st.text(alphabet="abc <>&\"'=/é{}%", max_size=20)


@given(
    st.lists(
        st.one_of(_WORDS, st.sampled_from(["{{ prospect.first_name }}", "<b>", "</b>", "<td>", "<!--", "-->"])),
        max_size=12,
    )
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_accepted_has_its_merge_fields_still(parts: list[str]) -> None:
    html = "".join(parts)
    try:
        ready = prepare_html(html)
    except MarkupError:
        return
    assert ready.count("{{ prospect.first_name }}") == html.count("{{ prospect.first_name }}")


def test_the_text_part_has_links_branches_and_loops() -> None:
    html = (
        "<style>p{color:red}</style><h1>Hi {{ prospect.first_name }}</h1><table>{% for tag in prospect.tags %}"
        "<tr><td>{{ tag }}</td><td><a href='https://shop.example/?t={{ tag }}&amp;x=1'>Buy</a></td></tr>{% endfor %}</table>"
        "{% if prospect.score > 9 %}<p>never</p>{% endif %}<img src='x' alt='A cat'>"
    )
    text = render(text_of_html(html), TAGS)
    assert "Hi Ann" in text
    assert [line for line in text.splitlines() if "Buy" in line] == [
        "Buy <https://shop.example/?t=hot&x=1>",
        "Buy <https://shop.example/?t=vip&x=1>",
    ]
    assert "[A cat]" in text
    assert not {"never", "color", "{%"} & set(text.split())


def test_html_without_a_word_has_an_empty_text() -> None:
    assert text_of_html("").strip() == ""


def test_an_address_with_what_no_text_may_hold_is_written_without_it() -> None:
    assert text_of_html('<a href="https://a.example/&#1;x&#xfffe;">Go</a>').strip() == "Go <https://a.example/x>"
