"""What actions may refer to, as the check at save is told of it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from core.egress import HostPort
from schemas.field_catalogue import Field


@dataclass(frozen=True, slots=True)
class References:
    """The ids that exist in the workspace. What is left out refers to nothing: every id of it is unknown."""

    users: Container[str] = ()
    lists: Container[str] = ()
    templates: Container[str] = ()
    teams: Container[str] = ()
    reachable: Container[HostPort] = ()
    """Hosts and ports that webhooks may reach besides the public Internet."""


Catalogue = Mapping[str, Field]
"""The workspace's fields, built-in ones included, by name."""
Finding = tuple[str, str]
"""A JSON pointer into the client's document, and a sentence on what is wrong there."""


def types_of(catalogue: Catalogue) -> dict[str, str]:
    """Return the type of every field."""
    return {name: field.type for name, field in catalogue.items()}
