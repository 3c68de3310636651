"""`execute_lambda`: call an AWS Lambda function, or a local handler; the command id is its idempotency key."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.contract import Input, JsonPointer
from schemas.field_catalogue import FieldName


class ExecuteLambdaParams(Input):
    """`response_map` writes parts of a synchronous answer to fields, as another writer's change."""

    function: Annotated[str, StringConstraints(min_length=1, max_length=170, pattern=r"^[A-Za-z0-9_:\-]+$")]
    alias: Annotated[str, StringConstraints(max_length=128, pattern=r"^[A-Za-z0-9_\-$]+$")] | None = None
    region: Annotated[str, StringConstraints(max_length=30, pattern=r"^[a-z0-9-]+$")] | None = None
    role: Annotated[str, StringConstraints(max_length=200, pattern=r"^arn:[A-Za-z0-9_:/+=,.@-]+$")] | None = None
    provider: Literal["aws", "local"] = "aws"
    mode: Literal["sync", "async"] = "sync"
    payload: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    response_map: dict[FieldName, JsonPointer] = Field(default_factory=dict, max_length=50)
