"""The page of settings, from the model in `settings.py` and the models that it composes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from docs.generator.fields import FieldRow, rows
from docs.generator.markdown import page, table
from imagemill.settings import NAMES, PREFIX, Settings, name_of, secrets

_INTRODUCTION = """\
Every setting has a default that is safe on one machine, so none has to be set. The environment is
read once, when a process starts. A variable that begins with `IMAGEMILL_` and is no setting refuses
the start, and the refusal names the nearest one. `imagemill doctor` shows every value and where it
came from. `--host`, `--port` and `--data` of `imagemill serve` go before the environment.

A number of seconds may be written with its unit, as in `30s`. What is secret, such as the address
of a database with its password, may be in a file: `IMAGEMILL_DATABASE_URL_FILE` names it, in place
of `IMAGEMILL_DATABASE_URL`. These variables have a file: {secrets}."""

_SHORT = """\
## Short names

A few settings have a second, shorter name. Set one of the two."""

_HEAD = ("variable", "type", "range", "default", "meaning")


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that lie in one model."""

    path: str
    """Where the model lies in the whole, with a dot behind it; empty for the top."""
    says: str
    """What the group is about."""
    settings: tuple[FieldRow, ...]


def settings_page() -> str:
    """Give the page: the top first, then one section for each group, then the short names."""
    top, *inner = groups()
    return page("Settings", _introduction(), _table(top), *map(_section, inner), _SHORT, _short())


def _introduction() -> str:
    names = ", ".join(f"`{name_of(path)}`" for path in secrets())
    return _INTRODUCTION.format(secrets=names)


def groups() -> Iterator[Group]:
    """Yield the groups of settings in the order of declaration, the top first."""
    yield from _groups(Settings, "", "")


def _groups(model: type[BaseModel], path: str, says: str) -> Iterator[Group]:
    nested = {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    yield Group(path, says, tuple(rows(model, without=frozenset(nested))))
    for name, inner in nested.items():
        about = model.model_fields[name].description or ""
        yield from _groups(inner, f"{path}{name}.", about)


def _section(group: Group) -> str:
    title = group.path.removesuffix(".").replace(".", ", ").capitalize()
    return "\n\n".join((f"## {title}", group.says, _table(group)))


def _table(group: Group) -> str:
    return table(_HEAD, (_cells(group.path, each) for each in group.settings))


def _cells(path: str, setting: FieldRow) -> tuple[str, ...]:
    """Give a row; a default is written as the environment takes it, without quotes."""
    _, kind, bounds, default, meaning = setting.cells()
    name = f"`{name_of(path + setting.name)}`"
    return (name, kind, bounds, default.replace('"', "").replace("``", ""), meaning)


def _short() -> str:
    pairs = ((f"`{PREFIX}{short}`", f"`{name_of(path)}`") for short, path in NAMES.items())
    return table(("short", "stands for"), pairs)
