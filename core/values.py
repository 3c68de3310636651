"""A prospect's values: what criteria read as `original.*` and what record effects change."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


class Values(Struct, frozen=True, gc=False):
    """Never changed in place: `fold` returns new ones. `lists` maps a list id to the membership's status."""

    email: str | None = None
    score: int = 0
    owner: str | None = None
    tags: tuple[str, ...] = ()
    lists: Mapping[str, str] = {}
    consent: str = "none"
    lead_id: str | None = None
    fields: Mapping[str, Any] = {}

    def attribute(self, name: str) -> Any:
        """Return a core column by its name, or a field of the catalogue; None when it is missing."""
        match name:
            case "email":
                return self.email
            case "score":
                return self.score
            case "owner":
                return self.owner
            case "tags":
                return self.tags
            case "lists":
                return [list_id for list_id, status in self.lists.items() if status == "subscribed"]
            case "consent":
                return self.consent
            case "lead_id":
                return self.lead_id
            case _:
                return self.fields.get(name)


def from_document(document: Mapping[str, Any]) -> Values:
    """Read the values of a snapshot."""
    return Values(
        email=document.get("email"),
        score=document.get("score", 0),
        owner=document.get("owner"),
        tags=tuple(document.get("tags", ())),
        lists=document.get("lists", {}),
        consent=document.get("consent", "none"),
        lead_id=document.get("lead_id"),
        fields=document.get("fields", {}),
    )


def to_document(values: Values) -> dict[str, Any]:
    """Write them as a snapshot holds them."""
    return asdict(values)
