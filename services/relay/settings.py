"""Settings of the relay: `FA_RELAY__*`."""

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from services.chassis.settings import Concern, ServiceSettings


class Lease(Concern):
    """How leadership is held. A holder that hangs for `idle_max_s` is cut off by the database; it gives up itself before."""

    takeover_poll_s: PositiveFloat = 0.5
    heartbeat_s: PositiveFloat = 1.0
    answer_timeout_s: PositiveFloat = 3.0
    valid_s: PositiveFloat = 6.0
    idle_max_s: PositiveFloat = 10.0


class Retention(Concern):
    """How long finished work is remembered; None: for ever."""

    interval_s: PositiveFloat = 3600.0
    chunk_rows: PositiveInt = 5_000
    ledger_days: PositiveInt | None = 30
    """Longer than the log keeps commands: a repeat must still find its ledger row."""
    attempts_days: PositiveInt | None = 30
    """Attempts at other systems, and what was sent."""
    mails_days: PositiveInt | None = 400
    """Whose a mail was: so long a bounce or a complaint is told of the prospect that it was sent to."""
    held_submissions_days: PositiveInt = 7
    """Submissions whose address nobody confirms."""
    decisions_days: PositiveInt | None = 365
    spam_windows_s: PositiveInt = 600
    """Longer than the window (`FA_INGEST__SPAM__WINDOW_S`), by what the clocks of processes may differ."""
    dead_letters_days: PositiveInt | None = None
    """Dead letters stay until somebody replays or deletes them."""
    ended_letters_days: PositiveInt | None = 30
    """Longer than the log keeps anything: what is read again must not bring a letter back."""


class Sends(Concern):
    """Of list e-mails to lists: how many mails are queued in one transaction, and how often."""

    interval_s: PositiveFloat = 0.5
    chunk_rows: PositiveInt = 500


class Relay(Concern):
    """The bounds of one round, and how patiently it is tried again."""

    batch_max_rows: PositiveInt = 500
    batch_max_bytes: PositiveInt = 8 * 1024 * 1024
    poll_s: PositiveFloat = 0.2
    """Between two looks at the outbox when no notification comes."""
    gather_s: NonNegativeFloat = 0.05
    """After a round that emptied the outbox, so that what comes in quick succession goes together. A first row goes at once."""
    backoff_min_s: PositiveFloat = 0.1
    backoff_max_s: PositiveFloat = 5.0
    age_interval_s: PositiveFloat = 1.0
    letters_interval_s: PositiveFloat = 15.0
    letters_max: PositiveInt = 100_000
    """Of dead letters that are counted: with more of them the gauge shows this many in all."""
    dead_letter_max_bytes: PositiveInt = 512 * 1024
    backfill_chunk_rows: PositiveInt = 500
    lease: Lease = Lease()
    retention: Retention = Retention()
    sends: Sends = Sends()


class RelaySettings(ServiceSettings):
    """What the relay process is told."""

    name: ClassVar[str] = "relay"
    relay: Relay = Field(default_factory=Relay)
