"""The field catalogue: what criteria may read and which one executor writes it. A workspace adds fields to the built-in ones."""

from typing import Annotated, Final, Literal

from pydantic import Field as Constrained
from pydantic import StringConstraints

from schemas.contract import Input

FieldType = Literal["text", "number", "bool", "date", "datetime", "picklist", "multi"]
"""What a workspace's own field may be."""
AttributeType = Literal["text", "number", "bool", "date", "datetime", "picklist", "multi", "user", "tags", "lists"]
"""What criteria may meet."""

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Option = Annotated[str, StringConstraints(min_length=1, max_length=100)]

TEXT_MAX_LENGTH: Final = 4000
MULTI_MAX_VALUES: Final = 100
NUMBER_LIMIT: Final = 10**11
"""Numbers are smaller than this in magnitude and carry four decimals: 15 digits, which a double holds exactly."""
NUMBER_DECIMALS: Final = 4
SCORE_LIMIT: Final = 2**31 - 1
TAGS_MAX: Final = 1_000
"""How many tags a prospect has at most."""


class Field(Input):
    """A field of the prospect. `options` are the allowed values of `picklist` and `multi`; empty: any text."""

    name: FieldName
    type: FieldType
    label: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    options: tuple[Option, ...] = Constrained(default=(), max_length=500)
    personal: bool = False
    """Personal data: never in logs, metrics or labels."""


BUILT_IN: Final = (
    Field(name="first_name", type="text", label="First name", personal=True),
    Field(name="last_name", type="text", label="Last name", personal=True),
    Field(name="company", type="text", label="Company"),
    Field(name="title", type="text", label="Job title"),
    Field(name="phone", type="text", label="Phone", personal=True),
    Field(name="industry", type="text", label="Industry"),
    Field(name="country", type="text", label="Country"),
    Field(name="city", type="text", label="City"),
)

ATTRIBUTES: Final[dict[str, AttributeType]] = {
    "email": "text",
    "score": "number",
    "owner": "user",
    "tags": "tags",
    "lists": "lists",
    "consent": "text",
    "lead_id": "text",
}
"""What `original.*` reads besides the catalogue's fields; `change_field_value` writes none of these."""

EVENT_ATTRIBUTES: Final[dict[str, AttributeType]] = {
    "uid": "text",
    "type": "text",
    "subject": "text",
    "time": "datetime",
    "source": "text",
    "ip": "text",
    "user_agent": "text",
    "url": "text",
    "bot": "text",
    "message_id": "text",
}
"""What `event.*` reads for every trigger."""

RECORD_EVENT_ATTRIBUTES: Final[dict[str, AttributeType]] = {
    "changed": "multi",
    "tags": "tags",
    "lists": "lists",
    "delta": "number",
    "depth": "number",
    "by": "text",
}
"""What `event.*` reads besides in `prospect.*`: the names of the attributes that changed, the tags or lists of the change,
the score's difference, depth, writer."""

RESERVED_NAMES: Final = frozenset(ATTRIBUTES) | frozenset({"id", "version", "fields"})
