"""What operators do to databases beside the services: make roles, migrate, look."""

from __future__ import annotations

import os
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from imagemill.assembly.databases import PACKAGES, VARIABLES, conninfo, open_database
from imagemill.assembly.parts import Parts
from imagemill.assembly.queues import is_in_postgres, open_queue_database
from imagemill.database.migrations import ALL, Phase, migrations_of
from imagemill.errors import ImagemillError, InvalidRequest, Unavailable
from imagemill.settings import Settings

_ADMIN: Final = "IMAGEMILL_DATABASE_ADMIN_URL"
_QUEUE: Final = "imagemill.queue"


async def migrate(settings: Settings, phase: Phase = ALL) -> tuple[str, ...]:
    """Bring every database to the schema of this version; answer their names.

    Raises `Unavailable` when one cannot be opened or written.
    """
    async with AsyncExitStack() as opened:
        parts = Parts(settings, opened)
        names = []
        for name, package in PACKAGES.items():
            database = open_database(parts, name, migrates=True)
            await database.migrate(migrations_of(f"imagemill.{package}"), phase)
            names.append(name)
        queue = open_queue_database(parts, migrates=True)
        if queue is not None:
            await queue.migrate(migrations_of(_QUEUE), phase)
            names.append("queue")
    return tuple(names)


async def states(settings: Settings) -> dict[str, str]:
    """Look at every schema that is in PostgreSQL; what is wrong with it, or nothing, by name."""
    found: dict[str, str] = {}
    async with AsyncExitStack() as opened:
        parts = Parts(settings, opened)
        for name, package in PACKAGES.items():
            if not settings.database.url_of(name):
                continue
            try:
                await open_database(parts, name).migrate(migrations_of(f"imagemill.{package}"))
            except ImagemillError as error:
                found[name] = error.message
            else:
                found[name] = ""
        if is_in_postgres(settings):
            found["queue"] = await _fault_of_queue(parts)
    return found


async def _fault_of_queue(parts: Parts) -> str:
    try:
        database = open_queue_database(parts)
        assert database is not None
        await database.migrate(migrations_of(_QUEUE))
    except ImagemillError as error:
        return error.message
    return ""


def prepare_postgres(
    settings: Settings, file: Path | None, folder: Path | None = None
) -> tuple[str, ...]:
    """Make the owner, and a role and a schema for each service; answer the names of the schemas.

    Passwords are those of the files `password-NAME` in `folder`; without a folder those that `file`
    holds already, or new ones. Addresses go into `file`, mode 600. Raises `InvalidRequest` without
    an administrator's address or a place for passwords, `Unavailable` when the server refuses.
    """
    url = settings.database.admin_url.get_secret_value()
    if not url:
        raise InvalidRequest(f"{_ADMIN} is not set; it says where to make roles and schemas.")
    if file is None and folder is None:
        raise InvalidRequest("Name a FILE for the addresses, or --passwords with a folder.")
    address = conninfo(settings.database, url, _ADMIN)
    from imagemill.database.postgres import administration  # noqa: PLC0415 - an extra

    known = _known(file) if file else {}
    passwords = {name: _password(name, known, folder) for name in VARIABLES}
    if file:
        lines = (
            f"{variable}={administration.url_with(url, name, passwords[name])}\n"
            for name, variable in VARIABLES.items()
        )
        # Written first: passwords that are set and known to nobody would lock everybody out.
        _write(file, "".join(lines))
    administration.prepare(address, passwords)
    return tuple(name for name in passwords if name != administration.OWNER)


def _password(name: str, known: dict[str, str], folder: Path | None) -> str:
    """Take a role's password from its file, or else from the address that is known, or make one."""
    from imagemill.database.postgres import administration  # noqa: PLC0415 - an extra

    if folder is None:
        address = known.get(VARIABLES[name])
        return administration.password_in(address) if address else _new_password()
    path = folder / f"password-{name}"
    try:
        password = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidRequest(f"The password {path} cannot be read ({error.strerror}).") from error
    if not password:
        raise InvalidRequest(f"The file {path} is empty; write a password into it.")
    return password


def _new_password() -> str:
    return secrets.token_hex(24)


def _known(file: Path) -> dict[str, str]:
    """Read the addresses that were written before, by their variables."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unavailable(f"The file {file} cannot be read ({error.strerror}).") from error
    return {name: value for name, is_set, value in (x.partition("=") for x in lines) if is_set}


def _write(file: Path, text: str) -> None:
    """Put a file in place that only its owner can read, whole or not at all."""
    draft = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as opened:
            opened.write(text)
        draft.replace(file)
    except OSError as error:
        raise Unavailable(f"The file {file} cannot be written ({error.strerror}).") from error
