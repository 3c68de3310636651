"""OpenAPI 3.1 of the API, built from the table of routes and the models: what is not in the table is not served."""

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from services.chassis.problems import FieldError
from services.console.route import AnyRoute, Upload

_REF: Final = "#/components/schemas/{model}"
_NAMES: Final = re.compile(r"\{(\w+)\}")
_TITLES: Final = {
    400: "Not acceptable: JSON, query or If-Match",
    401: "No valid API key",
    403: "The key lacks the scope admin",
    404: "There is no such thing",
    408: "The body did not arrive in time",
    409: "Taken already, or not possible as it is",
    410: "The prospect was erased",
    412: "Changed by somebody else: If-Match names another version",
    413: "The body is too large",
    415: "Another content type or encoding",
    422: "The body breaks rules; `errors` point at them",
    429: "Too many requests with this key",
    503: "Not available now, try again",
    504: "Saved, but not yet published",
}
_ALWAYS: Final = (401, 403, 429, 503)


class ProblemDocument(BaseModel):
    """RFC 9457 problem details. `errors` point into the body (RFC 6901)."""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldError] = []


def openapi(routes: Sequence[AnyRoute]) -> dict[str, Any]:
    """Describe the routes."""
    named_types = {kind for route in routes for kind in (route.body, route.answer, route.query)} | {ProblemDocument}
    models = {kind for kind in named_types if isinstance(kind, type) and issubclass(kind, BaseModel)}
    ordered = sorted(models, key=lambda model: f"{model.__module__}.{model.__qualname__}")
    refs, schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    components = schemas["$defs"]
    _let_ids_be_absent(components)
    named = {model: refs[(model, "validation")] for model in ordered}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, named, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Finish Actions console", "version": "1", "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of scope admin"}
            },
        },
        "security": [{"key": []}],
    }


def _let_ids_be_absent(components: dict[str, Any]) -> None:
    """Actions without an id are given one before they are judged: their schemas' `required` would forbid that."""
    for schema in components.values():
        if {"id", "trigger", "params"} <= set(schema.get("required", ())):
            schema["required"] = [name for name in schema["required"] if name != "id"]


def _operation(route: AnyRoute, named: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z0-9]+', '_', route.path.removeprefix('/api'))}".strip(
            "_"
        ),
        "summary": route.summary,
        "parameters": [*_in_path(route), *_in_query(route, named, components), *_in_headers(route)],
        "responses": {str(route.status): _response(route, named)} | _problems(route, named),
    }
    if route.body is Upload:
        binary = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"required": True, "content": {"*/*": {"schema": binary}}}
    elif route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": named[route.body]}}}
    return operation


def _in_path(route: AnyRoute) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _NAMES.findall(route.path)
    ]


def _in_query(route: AnyRoute, named: dict[Any, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = components[named[route.query]["$ref"].rpartition("/")[2]]
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}
        for name, each in schema["properties"].items()
    ]


def _in_headers(route: AnyRoute) -> list[dict[str, Any]]:
    if not route.guarded:
        return []
    text = "The version that the client has seen"
    return [{"name": "If-Match", "in": "header", "required": False, "description": text, "schema": {"type": "string"}}]


def _response(route: AnyRoute, named: dict[Any, Any]) -> dict[str, Any]:
    if route.answer not in named:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": {"schema": named[route.answer]}}}


def _problems(route: AnyRoute, named: dict[Any, Any]) -> dict[str, Any]:
    statuses = {*_ALWAYS, *route.problems, 400}
    if route.body is Upload:
        statuses |= {408, 413, 415}
    elif route.body is not None:
        statuses |= {413, 415, 422}
    if route.guarded:
        statuses.add(412)
    content = {"application/problem+json": {"schema": named[ProblemDocument]}}
    return {str(status): {"description": _TITLES[status], "content": content} for status in sorted(statuses)}
