"""Mails as bytes: complete, the same each time, and without a header that nobody meant."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mail import Mail, Mailbox, MailError, envelope, write

MAIL = Mail(
    id=UUID(int=5),
    domain="shop.example",
    at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    sender=Mailbox("news@shop.example", "The Shop"),
    to=(Mailbox("ann@example.com"),),
    subject="Hello",
    text="Hello\n",
    html="<p>Hello</p>",
)


def _read(mail: Mail) -> EmailMessage:
    message = message_from_bytes(write(mail), policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def test_a_mail_has_all_that_it_needs() -> None:
    message = _read(replace(MAIL, reply_to=Mailbox("sales@shop.example"), headers={"List-Unsubscribe-Post": "x"}))
    assert message["Message-ID"] == "<00000000-0000-0000-0000-000000000005@shop.example>"
    assert message["Date"] == "Sat, 31 Jan 2026 12:00:00 +0000"
    assert message["From"] == "The Shop <news@shop.example>"
    assert (message["To"], message["Reply-To"], message["Subject"]) == (
        "ann@example.com",
        "sales@shop.example",
        "Hello",
    )
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in message.iter_parts()] == ["Hello", "<p>Hello</p>"]


def test_a_mail_of_text_alone_has_one_part() -> None:
    assert _read(replace(MAIL, html=None)).get_content_type() == "text/plain"


def test_the_bytes_are_the_same_each_time() -> None:
    assert write(MAIL) == write(MAIL)


def test_the_envelope_is_who_the_headers_name() -> None:
    mail = replace(MAIL, to=(Mailbox("a,b@bücher.example", "B, A"), Mailbox("c@example.com")))
    found = envelope(write(mail))
    assert found.recipients == ('"a,b"@xn--bcher-kva.example', "c@example.com")
    assert (found.sender, found.message_id) == ("news@shop.example", f"<{MAIL.id}@shop.example>")


def test_a_long_address_to_unsubscribe_stays_an_address() -> None:
    url = f"<https://shop.example/u/{'x' * 400}>"
    assert f"\r\nList-Unsubscribe: {url}\r\n".encode() in write(replace(MAIL, headers={"List-Unsubscribe": url}))


@pytest.mark.parametrize(
    "address",
    ["ü@example.com", "a b@example.com", "@example.com", "a@", "a", "", "a@b,c@d.example", "a@b c", "a@b;c", "a@-b", "a@b..c",
     "a@b>", "a@b\r\nBcc: c@d.example", "a\r\nBcc: c@d.example", f"a@{'x' * 64}.example", f"{'x' * 65}@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_written_to_nobody(address: str) -> None:
    with pytest.raises(MailError) as refused:
        write(replace(MAIL, to=(Mailbox(address),)))
    assert len(address) < 3 or address not in str(refused.value)


@given(st.text(max_size=300), st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_no_value_makes_a_header(subject: str, name: str) -> None:
    message = _read(replace(MAIL, subject=subject, sender=Mailbox("news@shop.example", name)))
    assert set(message.keys()) == {"Date", "Message-ID", "From", "To", "Subject", "MIME-Version", "Content-Type"}
    assert message["To"].addresses[0].addr_spec == "ann@example.com"
    assert message["From"].addresses[0].addr_spec == "news@shop.example"


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "Zs", "S"]), max_size=200))
@settings(max_examples=200, deadline=None)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    assert _read(replace(MAIL, subject=subject))["Subject"] == " ".join(subject.split())


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=500))
@settings(max_examples=200, deadline=None)
def test_lines_are_short_and_seven_bit_and_the_text_is_whole(text: str) -> None:
    written = write(replace(MAIL, text=text, html=None))
    assert written.isascii()
    assert all(len(line) <= 78 for line in written.split(b"\r\n"))
    read = _read(replace(MAIL, text=text, html=None)).get_content().replace("\r\n", "\n")
    assert read.removesuffix("\n") == text.removesuffix("\n")
