"""The closed table of what can happen to an asset (product.md §3)."""

from typing import Final, Literal

AssetKind = Literal["redirect_link", "hosted_file", "form", "list_email", "prospect"]

TRIGGERS: Final[dict[str, tuple[str, ...]]] = {
    "redirect_link": ("clicked",),
    "hosted_file": ("downloaded",),
    "form": ("submitted",),
    "list_email": ("opened", "clicked", "unsubscribed", "bounced", "complained"),
    "prospect": (
        "created",
        "updated",
        "tag_added",
        "tag_removed",
        "list_joined",
        "list_left",
        "score_changed",
        "owner_changed",
        "converted",
    ),
}

PROSPECT_ASSET_ID: Final = "prospect"
"""The one asset of kind `prospect`."""

INTERACTION_TYPES: Final = frozenset(f"{kind}.{trigger}" for kind, triggers in TRIGGERS.items() for trigger in triggers)
RECORD_TYPES: Final = tuple(f"prospect.{trigger}" for trigger in TRIGGERS["prospect"])
"""In the order in which one write raises them."""

SPAM_EXEMPT_TYPES: Final = frozenset({"list_email.unsubscribed"})
"""Unsubscribes are always honoured."""
SPAM_ACROSS_ASSETS_TYPES: Final = frozenset({"form.submitted"})
"""Submissions of whatever form count together. Those of the form endpoint were counted at the door already, across all
users and processes and before they were accepted, so only those that a tracker posts count again."""
