"""Notices by e-mail with a digest are gathered, and told in one mail when it is over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import UUID

import orjson

from core.mail import Envelope
from schemas.commands.command import Command
from services.chassis.errors import PermanentError
from services.executors.adapters.attempts import Desk
from services.executors.adapters.ledger import Bounds
from services.executors.adapters.mail import UserMail
from services.executors.core.retry import Schedule
from services.executors.ports import Answer, Outcome
from services.executors.runtime.dispatcher import Dispatcher
from services.executors.runtime.verdicts import Policy
from services.executors.settings import Mail
from tests.integration.executors.bench import record
from tests.integration.executors.delivering import Delivering, delivering
from tests.integration.executors.dispatching import QUICK, run_dry

GATHERED: dict[str, Any] = {
    "to": {"user": "bob"},
    "channel": "email",
    "subject": "Visits of {{ prospect.email }}",
    "text": "{{ event.subject }}",
    "digest": "PT1H",
    "fallback": {"user": "eve"},
}


class Post:
    """Where the mails go. `refused` is how many of the next ones are refused for good."""

    def __init__(self) -> None:
        self.mails: list[tuple[tuple[str, ...], str, str]] = []
        self.refused = 0

    async def send(self, message: bytes, envelope: Envelope, command_id: UUID) -> Answer:
        if self.refused:
            self.refused -= 1
            raise PermanentError("refused")
        read = message_from_bytes(message, policy=default)
        self.mails.append((envelope.recipients, str(read["Subject"]), read.get_content().strip()))
        return Answer(Outcome("done"))


class Gathering(Delivering):
    """The notify executor with the relay left out: `mail` brings what the outbox has for it."""

    post: Post
    dispatcher: Dispatcher

    async def notice(self, prospect_id: UUID, *subjects: str, **params: Any) -> list[dict[str, Any]]:
        """Let one notice after the other be gathered; return their commands."""
        asked = []
        for subject in subjects:
            document = self.asks(prospect_id, GATHERED | params)
            document["interaction"] = document["interaction"] | {"subject": subject}
            await self.settle([document])
            await self.work()
            asked.append(document)
        return asked

    async def relay(self) -> list[dict[str, Any]]:
        """Take from the outbox what it has for this executor, each twice, as a relay may that dies."""
        rows = await self.pool.fetch(
            "DELETE FROM outbox WHERE aggregatetype = 'commands.notify' RETURNING aggregateid, payload"
        )
        for row in rows:
            Command.model_validate(row["payload"])
            assert row["aggregateid"] == row["payload"]["prospect_id"]
            await self.settle_records([record(row["payload"]), record(orjson.loads(orjson.dumps(row["payload"])))])
        return [row["payload"] for row in rows]

    async def mail(self) -> None:
        """Send what is due."""
        await run_dry(self.dispatcher)


@asynccontextmanager
async def gathering(url: str) -> AsyncIterator[Gathering]:
    async with delivering("notify", url) as opened:
        opened.__class__ = Gathering
        assert isinstance(opened, Gathering)
        await opened.pool.execute("""
            INSERT INTO users (id, name, email) VALUES ('bob', 'Bob', 'bob@example.com'), ('eve', 'Eve', 'eve@example.com')
            ON CONFLICT (id) DO UPDATE SET email = excluded.email, enabled = true
        """)
        opened.post = Post()
        opened.dispatcher = Dispatcher(
            "notify",
            UserMail(opened.post, Mail(sender_email="finish@example.com", domain="example.com")),
            Policy(Schedule((5.0,), timedelta(hours=1)), bugs_max=3),
            Desk(opened.pool, "notify", Bounds(2.0, QUICK.record_max_bytes)),
            opened.clock,
            QUICK,
        )
        yield opened


async def test_what_is_gathered_leaves_in_one_mail_when_the_digest_is_over(emptied_url: str) -> None:
    async with gathering(emptied_url) as bench:
        ann, other = await bench.prospect(email="ann@example.org"), await bench.prospect(email="o@example.org")
        commands = [*await bench.notice(ann, "pricing", "imprint", "jobs"), *await bench.notice(other, "pricing")]
        assert {await bench.state(document) for document in commands} == {("done", None)}
        assert await bench.effects() == []
        mails = await bench.relay()
        assert [mail["uid"] for mail in mails] == [commands[0]["uid"], commands[3]["uid"]]
        await bench.mail()
        assert bench.post.mails == []

        await bench.notice(ann, "late")
        assert await bench.relay() == []
        bench.clock.moved = timedelta(hours=1)
        await bench.mail()
        await bench.mail()
        assert sorted(bench.post.mails) == [
            (("bob@example.com",), "Visits of ann@example.org (and 3 more)", "pricing\r\nimprint\r\njobs\r\nlate"),
            (("bob@example.com",), "Visits of o@example.org", "pricing"),
        ]
        assert {await bench.state(mail) for mail in mails} == {("done", None)}
        assert await bench.pool.fetchval("SELECT count(*) FROM mail_digests") == 0


async def test_the_next_notice_after_a_mail_begins_a_new_digest(emptied_url: str) -> None:
    async with gathering(emptied_url) as bench:
        ann = await bench.prospect()
        await bench.notice(ann, "first")
        await bench.relay()
        bench.clock.moved = timedelta(hours=1)
        await bench.mail()
        await bench.notice(ann, "second")
        (mail,) = await bench.relay()
        bench.clock.moved = timedelta(hours=2)
        await bench.mail()
        assert [text for _, _, text in bench.post.mails] == ["first", "second"]
        assert await bench.state(mail) == ("done", None)


async def test_a_mail_that_is_refused_is_a_dead_letter_whose_replay_tells_the_same(emptied_url: str) -> None:
    async with gathering(emptied_url) as bench:
        ann = await bench.prospect()
        await bench.notice(ann, "first", "second")
        (mail,) = await bench.relay()
        bench.clock.moved, bench.post.refused = timedelta(hours=1), 1
        await bench.mail()
        assert await bench.state(mail) == ("dead", "permanent")
        await bench.notice(ann, "third")
        assert len(await bench.relay()) == 1

        (letter,) = await bench.dead_letters()
        await bench.ask(letter["id"])
        await bench.settle_records([record(mail, letter["id"])])
        bench.clock.moved = timedelta(hours=2, minutes=1)
        await bench.mail()
        await bench.mail()
        assert sorted(text.split() for _, _, text in bench.post.mails) == [["first", "second"], ["third"]]


async def test_what_no_mail_has_told_is_told_by_the_next_one(emptied_url: str) -> None:
    async with gathering(emptied_url) as bench:
        ann = await bench.prospect()
        await bench.pool.execute("UPDATE users SET enabled = false WHERE id IN ('bob', 'eve')")
        await bench.notice(ann, "first")
        (untold,) = await bench.relay()
        bench.clock.moved = timedelta(hours=1)
        await bench.mail()
        assert await bench.state(untold) == ("suppressed", "no_recipient")

        await bench.pool.execute("UPDATE users SET enabled = true WHERE id = 'eve'")
        await bench.notice(ann, "second")
        assert len(await bench.relay()) == 1
        bench.clock.moved = timedelta(hours=2, minutes=1)
        await bench.mail()
        assert [(to, text.split()) for to, _, text in bench.post.mails] == [(("eve@example.com",), ["first", "second"])]


async def test_a_pause_of_the_type_holds_the_mail_and_goes_on_gathering_when_it_ends(emptied_url: str) -> None:
    async with gathering(emptied_url) as bench:
        ann = await bench.prospect()
        await bench.notice(ann, "first")
        await bench.relay()
        await bench.pool.execute("INSERT INTO pauses (id, scope, target) VALUES ('p', 'type', 'notify_user')")
        bench.clock.moved = timedelta(hours=1)
        await bench.notice(ann, "second")
        await bench.mail()
        assert bench.post.mails == []
        await bench.pool.execute("DELETE FROM pauses")
        await bench.work()
        await bench.mail()
        assert [text.split() for _, _, text in bench.post.mails] == [["first", "second"]]
