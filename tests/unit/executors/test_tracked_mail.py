"""A mail for one prospect: escaped where it must be, tracked alike in both parts, with a way out."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tokens import Token, verified
from schemas.identity import mail_link_id
from services.chassis.errors import PermanentError
from services.executors.adapters.mail import ProspectMail, UserMail
from services.executors.ports import Answer, Outcome, Prepared
from services.executors.settings import Mail
from tests.unit.executors.mailing import KEYS, NOW, OWNER, command, situation, template

MAIL = Mail(
    public_url="https://go.shop.example", sender_email="news@shop.example", sender_name="Shop", domain="shop.example"
)


class Unused:
    async def send(self, *_: Any) -> Answer:
        raise AssertionError


MAILER = ProspectMail(Unused(), MAIL, KEYS)


def prepared(changes: dict[str, Any] | None = None, params: dict[str, Any] | None = None, **parts: Any) -> Prepared:
    return MAILER.prepare(command(**(params or {})), situation(changes, template=template(**parts)))


def read(request: bytes) -> tuple[EmailMessage, str, str]:
    message = message_from_bytes(request, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
    return message, parts.get("text/html", ""), parts["text/plain"]


def test_values_are_escaped_in_html_and_raw_in_text_and_one_line_in_the_subject() -> None:
    name = '<script>x</script> & "you"\r\nBcc: all@shop.example'
    message, html, text = read(prepared({"fields": {"first_name": name}}).request)
    assert "<script>" not in html
    assert "&lt;script&gt;x&lt;/script&gt; &amp; &#34;you&#34;" in html
    assert '<script>x</script> & "you"' in text
    assert message["Subject"] == 'Hi <script>x</script> & "you" Bcc: all@shop.example'
    assert message["Bcc"] is None


def test_no_filter_makes_markup_of_a_value() -> None:
    liquid = "".join(
        f"{{{{ prospect.first_name | {used} }}}}"
        for used in (
            "url_decode",
            "upcase",
            "newline_to_br",
            "strip_newlines",
            "append: ''",
            "split: ',' | join: ''",
            "base64_decode",
        )
    )
    for name in ("<script>", "%3Cscript%3E", "PHNjcmlwdD4="):
        try:
            _, html, _ = read(prepared({"fields": {"first_name": name}}, html=f"<p>{liquid}</p>", text="x").request)
        except PermanentError:
            continue
        assert "<script" not in html.lower()


def test_every_link_of_both_parts_is_tracked_to_the_same_place() -> None:
    url = "https://shop.example/buy?a=1&b={{ prospect.first_name | url_encode }}"
    made = prepared(html=f'<a href="{url.replace("&", "&amp;")}">buy</a><a href="mailto:a@b.c">m</a>')
    assert made.kept is not None
    (link,) = made.kept["links"]
    assert link == {
        "id": mail_link_id("welcome", link["url"]),
        "asset_id": "welcome",
        "url": "https://shop.example/buy?a=1&b=Ann",
    }
    _, html, text = read(made.request)
    for part in (unescape(html), text):
        (token,) = re.findall(r"https://go\.shop\.example/c/([\w.-]+)", part)
        asked = command()
        more = (str(asked.id), link["id"])
        assert verified(token, "click", KEYS) == Token("click", "welcome", str(asked.prospect_id), more)
    assert "shop.example/buy" not in html + text
    assert 'href="mailto:a@b.c"' in html


def test_an_address_that_a_visitor_typed_is_no_link_of_ours() -> None:
    made = prepared(
        {"fields": {"first_name": "https://evil.example/"}},
        html='<p>{{ prospect.first_name }}</p><a href="{{ prospect.first_name }}">x</a><a href="https://shop.example/">y</a>',
    )
    assert [link["url"] for link in (made.kept or {})["links"]] == ["https://shop.example/"]


def test_the_html_part_tells_of_its_opening_and_the_text_part_does_not() -> None:
    _, html, text = read(prepared().request)
    (token,) = re.findall(r'<img src="https://go\.shop\.example/o/([\w.-]+)\.gif" width="1" height="1"', html)
    assert verified(token, "open", KEYS).more == (str(command().id),)
    assert "/o/" not in text
    assert html.rstrip().endswith("</body></html>")


def test_marketing_can_be_left_in_one_click_from_the_header_and_from_both_parts() -> None:
    message, html, text = read(prepared(params={"list": "news"}).request)
    url = message["List-Unsubscribe"].strip("<>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = verified(url.removeprefix("https://go.shop.example/u/"), "unsubscribe", KEYS)
    assert token.more == (str(command().id), "news")
    assert (html.count(url), text.count(url)) == (1, 1)


def test_a_template_that_has_the_way_out_gets_no_other_and_it_is_no_click() -> None:
    made = prepared(
        html='<p>{{ prospect.city }}</p><a href="{{ unsubscribe_url }}">Leave</a><a href="https://go.shop.example/x">x</a>'
    )
    message, html, text = read(made.request)
    url = message["List-Unsubscribe"].strip("<>")
    assert (html.count(url), text.count(url), "Unsubscribe" in html + text) == (1, 1, False)
    assert [link["url"] for link in (made.kept or {})["links"]] == ["https://go.shop.example/x"]


def test_a_transactional_mail_does_not_speak_of_unsubscribing() -> None:
    message, html, text = read(prepared(params={"class": "transactional"}).request)
    assert message["List-Unsubscribe"] is None
    assert "/u/" not in html + text


def test_a_mail_of_text_alone_has_its_links_tracked() -> None:
    made = prepared(html=None, text="See https://shop.example/.")
    message, html, text = read(made.request)
    assert (message.get_content_type(), html) == ("text/plain", "")
    assert re.search(r"See https://go\.shop\.example/c/[\w.-]+\.\r?\n", text)


def test_the_same_command_is_the_same_bytes_and_says_when_it_was_meant() -> None:
    assert prepared() == prepared()
    message, _, _ = read(prepared().request)
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == f"<{command().id}@shop.example>"


@pytest.mark.parametrize(
    ("params", "more", "owner", "sender", "reply_to"),
    [
        ({}, {}, OWNER, "Shop <news@shop.example>", None),
        ({"from": "owner", "reply_to": "owner"}, {}, OWNER, "Bob <bob@example.com>", "Bob <bob@example.com>"),
        ({"from": "owner", "reply_to": "owner"}, {}, None, "Shop <news@shop.example>", None),
        ({"from": {"email": "a@shop.example", "name": "A"}}, {"from": "owner"}, OWNER, "A <a@shop.example>", None),
        (
            {},
            {"from": {"email": "t@shop.example"}, "reply_to": "owner"},
            OWNER,
            "t@shop.example",
            "Bob <bob@example.com>",
        ),
    ],
)
def test_the_action_names_the_sender_then_the_template_then_the_workspace(
    params: dict[str, Any], more: dict[str, Any], owner: Any, sender: str, reply_to: str | None
) -> None:
    made = MAILER.prepare(command(**params), situation(template=template(**more), owner=owner))
    message, _, _ = read(made.request)
    assert (message["From"], message["Reply-To"]) == (sender, reply_to)


@pytest.mark.parametrize(
    ("details", "changes"),
    [
        ({"template": None}, {}),
        ({"template": template(text="{% for i in (1..9999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}")}, {}),
        ({}, {"email": "a@b,c@d.example"}),
        ({}, {"email": "ü@example.com"}),
    ],
)
def test_what_can_never_be_sent_says_so_without_quoting(details: dict[str, Any], changes: dict[str, Any]) -> None:
    with pytest.raises(PermanentError) as refused:
        MAILER.prepare(command(), situation(changes, **details))
    assert "example" not in refused.value.reason


def test_mails_need_keys() -> None:
    with pytest.raises(ValueError, match="FA_TOKENS__KEYS"):
        ProspectMail(Unused(), MAIL, ())


@given(st.dictionaries(st.sampled_from(["first_name", "city", "company"]), st.text(max_size=60)))
@settings(max_examples=100, deadline=None)
def test_no_value_leaves_its_place(fields: dict[str, str]) -> None:
    body = '<p title="{{ prospect.first_name }}">{{ prospect.city }}</p><a href="https://shop.example/?x={{ prospect.company }}">x</a>'
    _, html, _ = read(prepared({"fields": fields}, html=body).request)
    assert re.findall(r"<[a-z]+", html.lower()) == ["<html", "<head", "<body", "<p", "<a", "<p", "<a", "<img"]
    assert html.count("https://go.shop.example/c/") == 1


def test_a_notice_goes_to_all_whom_it_concerns_without_tracking() -> None:
    mailer = UserMail(Unused(), MAIL)
    notice = command(
        "notify_user", to={"team": "t"}, channel="email", text="{{ prospect.first_name }}: https://shop.example/"
    )
    recipients = [{"email": "bob@example.com", "name": "Bob, B"}, {"email": "eve@example.com", "name": ""}]
    asked = situation(recipients=recipients)
    assert mailer.refuse(notice, asked, NOW) is None
    message, html, text = read(mailer.prepare(notice, asked).request)
    assert message["To"] == '"Bob, B" <bob@example.com>, eve@example.com'
    assert (message["Subject"], message["Auto-Submitted"], html) == ("Notice", "auto-generated", "")
    assert text.strip() == "Ann: https://shop.example/"
    assert mailer.prepare(notice, asked) == mailer.prepare(notice, asked)
    assert not mailer.repeatable(notice)


def test_a_notice_to_nobody_is_suppressed() -> None:
    outcome = UserMail(Unused(), MAIL).refuse(
        command("notify_user", to="owner", text="x"), situation(recipients=[]), NOW
    )
    assert outcome == Outcome("suppressed", "no_recipient")
