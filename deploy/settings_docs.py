"""Write `docs/settings.md` from the models of the settings: names, types, defaults, and what stands under each attribute.

    python -m deploy.settings_docs

What the models do not say is not said here either: whoever adds a setting writes its docstring, and runs this.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import AliasChoices, BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import NoDecode

from deploy.local.settings import LocalSettings
from deploy.topics import TopicSettings
from services.chassis.settings import ServiceSettings

ROOT: Final = Path(__file__).parents[1]
FILE: Final = ROOT / "docs" / "settings.md"

_HEAD: Final = """\
# Settings

<!-- Written by `make settings-docs` from the models; do not edit. -->

Every setting is an environment variable, `FA_<CONCERN>__<NAME>`, read once at the start. A name that a concern does not know,
or a value that does not fit, ends the process with code 78 and one sentence per mistake; values are not printed, and secrets
are masked in the line that logs the settings in force. What a deployment must set stands in
[deploy/.env.example](../deploy/.env.example).

Beside these, for tests only: `FA_FAIL=<failpoint>:<n>:kill` (see [CONTRIBUTING](../CONTRIBUTING.md)).
"""
_MADE: Final[Mapping[Any, str]] = {None: "required", dict: "`{}`"}
_TYPES: Final = {int: "integer", float: "number", str: "text", bool: "true, false", Path: "path", SecretStr: "secret"}
_SIGNS: Final = {annotated_types.Gt: ("gt", ">"), annotated_types.Ge: ("ge", ">="), annotated_types.Le: ("le", "<=")}


@dataclass(frozen=True, slots=True)
class Variable:
    """One row: a setting as an operator sees it."""

    name: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """The settings of one model."""

    names: str
    meaning: str
    rows: tuple[Variable, ...]


def services() -> list[type[ServiceSettings]]:
    """Return the settings of every service, in the order of their names."""
    modules = (f"services.{path.parent.name}.settings" for path in sorted(ROOT.glob("services/*/settings.py")))
    return [
        kind
        for module in map(import_module, modules)
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, ServiceSettings) and kind.__module__ == module.__name__
    ]


def sections(model: type[BaseModel], prefix: str, given: BaseModel | None = None) -> Iterator[Section]:
    """Yield a model's own settings, then those of the models within it, each in the order of their declaration.

    `given` is what the model around it has as its default, where that differs from the model's own defaults.
    """
    docstrings = _docstrings(model)
    rows: list[Variable] = []
    inner: list[Iterator[Section]] = []
    for name, field in model.model_fields.items():
        default = getattr(given, name) if given is not None and name in given.model_fields_set else field.default
        variable = _name(field, prefix + name.upper())
        if (within := _model(field)) is not None:
            inner.append(sections(within, f"{variable}__", default if isinstance(default, within) else None))
        else:
            rows.append(Variable(variable, _type(field), _default(field, default), docstrings.get(name, "")))
    if rows:
        yield Section(f"{prefix}*", inspect.cleandoc(model.__doc__ or ""), tuple(rows))
    for each in inner:
        yield from each


def all_sections() -> Iterator[tuple[str, Section]]:
    """Yield every section there is, each once, under the names of the processes that read it."""
    kinds: list[type[ServiceSettings]] = [ServiceSettings, *services(), TopicSettings]
    concerns: dict[str, type[BaseModel]] = {}
    readers: dict[str, list[str]] = {}
    for kind in kinds:
        for name, field in kind.model_fields.items():
            if (model := _model(field)) is not None:
                concerns.setdefault(name, model)
                readers.setdefault(name, []).append(f"`{kind.name}`")
    for name, model in concerns.items():
        title = "Every process" if name in ServiceSettings.model_fields else ", ".join(dict.fromkeys(readers[name]))
        yield from ((title, section) for section in sections(model, f"FA_{name.upper()}__"))
    yield from (("The local stack (`make run`)", section) for section in sections(LocalSettings, "FA_LOCAL__"))


def text() -> str:
    """Write the whole page."""
    parts = [_HEAD]
    for title, grouped in groupby(all_sections(), key=itemgetter(0)):
        parts.append(f"## {title}\n")
        parts += [_written(section) for _, section in grouped]
    return "\n".join(parts)


def _written(section: Section) -> str:
    lines = [
        f"### `{section.names}`",
        "",
        section.meaning,
        "",
        "| variable | type | default | meaning |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{row.name}` | {row.type} | {row.default} | {row.meaning} |" for row in section.rows]
    return "\n".join(lines).replace(" |  |", " | |") + "\n"


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if inspect.isclass(kind) and issubclass(kind, BaseModel) else None


def _name(field: FieldInfo, name: str) -> str:
    match field.validation_alias:
        case str(alias):
            return alias
        case AliasChoices(choices=[str(first), *_]):
            return first
        case _:
            return name


def _type(field: FieldInfo) -> str:
    signs = [
        f"{sign} {getattr(limit, attribute)}"
        for limit in field.metadata
        for kind, (attribute, sign) in _SIGNS.items()
        if isinstance(limit, kind)
    ]
    kind = _kind(field.annotation)
    if NoDecode in field.metadata:  # its validator takes the text apart
        kind = kind.replace("JSON list of", "with commas:")
    return f"{kind} {', '.join(signs)}".rstrip()


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        return ", or ".join("nothing" if kind is NoneType else _kind(kind) for kind in inner)
    if hasattr(annotation, "__metadata__"):
        return _type(FieldInfo.from_annotation(annotation))
    if origin is not None:
        shape, joint = ("object", " to ") if issubclass(origin, Mapping) else ("list", " and ")
        return f"JSON {shape} of {joint.join(_kind(kind) for kind in inner if kind is not Ellipsis)}"
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo, default: Any) -> str:
    if SecretStr in (field.annotation, *get_args(field.annotation)):
        return "nothing" if default is None else "(secret)"
    if default is PydanticUndefined:
        return _MADE.get(field.default_factory, "computed")
    match default:
        case Path() if default.is_relative_to(ROOT):
            return f"`{default.relative_to(ROOT)}`"
        case None:
            return "nothing"
        case "":
            return "empty"
        case bool() | tuple() | list() | frozenset() | set() | dict():
            return f"`{TypeAdapter(Any).dump_json(default).decode()}`"
        case value:
            return f"`{value}`"


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return what stands under each attribute, also of the models that it extends."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and not kind.__module__.startswith("pydantic"):
            found |= _below_attributes(ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0])
    return found


def _below_attributes(definition: ast.stmt) -> dict[str, str]:
    found: dict[str, str] = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for each in pairwise(body):
        match each:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                found[name] = " ".join(inspect.cleandoc(docstring).split())
            case _:
                pass
    return found


if __name__ == "__main__":
    FILE.write_text(text())
