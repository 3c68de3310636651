"""`fire_webhook`: a signed HTTP request; the command id is its idempotency key."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.contract import Input

HeaderName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[\x20-\x7e]*$")]
SecretReference = Annotated[str, StringConstraints(max_length=100, pattern=r"^env:[A-Z][A-Z0-9_]*$")]

_OURS = frozenset({"host", "authorization", "content-length", "transfer-encoding", "connection", "content-encoding"})


class WebhookAuth(Input):
    """Secrets stand in the executor's environment, never here."""

    type: Literal["none", "basic", "bearer", "hmac"] = "none"
    user: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^:\x00-\x1f\x7f]*$")] | None = None
    secret: SecretReference | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type != "none") != (self.secret is not None):
            raise ValueError("secret goes with every type but none")
        if (self.type == "basic") != (self.user is not None):
            raise ValueError("user goes with type basic")
        return self


class WebhookEndpoint(Input):
    """Where requests go, and as whose."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^https?://[^\s\x00-\x1f\x7f@\\]+$")]
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=20)
    auth: WebhookAuth = WebhookAuth()

    @model_validator(mode="after")
    def _own_headers(self) -> Self:
        if taken := sorted(
            name for name in self.headers if name.lower() in _OURS or name.lower().startswith("webhook-")
        ):
            raise ValueError(f"headers set by the sender itself: {', '.join(taken)}")
        return self


class FireWebhookParams(WebhookEndpoint):
    """Without a body the standard envelope is sent."""

    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    body: Annotated[str, StringConstraints(max_length=20_000)] | None = None
