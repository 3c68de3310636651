"""Receipts of erasures: what was removed and when, and nothing of what it was."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class Removed(BaseModel):
    """How many rows of each kind were deleted, or stripped of all but ids, types and outcomes."""

    record: int
    leads: int
    tasks: int = 0
    notices: int = 0
    mail_digests: int = 0
    """Notices by e-mail that were gathered and not mailed yet, by action."""
    mails: int = 0
    """Which mails were rendered for the prospect."""
    identities: int = 0
    """Ids of other systems, and marks of browsers."""
    resubscriptions: int = 0
    commands: int
    """Pending ones, which are `suppressed(erased)` now."""
    deliveries: int = 0
    """What was to be delivered of them."""
    decisions: int
    dead_letters: int
    snapshots: int
    """Those that were not in the log yet."""
    follow_ups: int = 0
    """Pushes to the CRM and mails of digests that were not in the log yet."""
    interactions: int
    """Accepted and not in the log yet: they are published without their data, and end `erased`."""


class Receipt(BaseModel):
    """One erased prospect. The log's records of it leave with the log's retention."""

    prospect_id: UUID
    erased_at: datetime
    erased_by: str
    """The id of the API key."""
    removed: Removed
