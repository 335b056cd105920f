"""`imagemill accounts`: who may log in, set on the machine itself, beside a server or without."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from imagemill.cli import options, screen
from imagemill.cli.failure import CommandFailed
from imagemill.cli.group import add_group
from imagemill.cli.screen import Column

if TYPE_CHECKING:
    from imagemill.users.account import Account
    from imagemill.users.people import People

T = TypeVar("T")

_COLUMNS = (Column("id"), Column("mail address"), Column("role"), Column("state"))
_PAGE: Final = 100
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Mail address of the account.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        dir_okay=False,
        help="File whose first line is the password; `-` is standard input. Without it, you are "
        "asked.",
    ),
]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="user, operator or admin.")]


def add_to(program: typer.Typer, *, colour: bool) -> None:
    """Put the commands into a program, under the name `accounts`."""
    about = "Manage who may log in, on the machine itself."
    add_group(program, "accounts", about, _COMMANDS, colour=colour)


def show_all(*, data: options.Data = None, as_json: options.AsJSON = False) -> None:
    """List the accounts in the order in which they were made."""

    async def work(people: People) -> list[Account]:
        found: list[Account] = []
        after = (float("-inf"), "")
        while page := await people.accounts.listed(after, _PAGE):
            found += page
            after = (page[-1].created_at, page[-1].id)
        return found

    found = _run(data, work)
    if as_json:
        from imagemill.users.views import account_view

        screen.say_json([account_view(each).model_dump(mode="json") for each in found])
    else:
        screen.table(_COLUMNS, [_row(each) for each in found])


def add(
    email: Email,
    *,
    role: Annotated[str, typer.Option(metavar="ROLE", help="user, operator or admin.")] = "user",
    password_file: PasswordFile = None,
    data: options.Data = None,
) -> None:
    """Make an account."""
    from imagemill.users.origin import COMMAND

    given, password = _role(role), _password(password_file)
    _say(_run(data, lambda people: people.accounts.add(email, password, given, COMMAND)))


def set_password(
    email: Email, *, password_file: PasswordFile = None, data: options.Data = None
) -> None:
    """Set a password, and end every session of the account.

    The first account, `admin`, has no mail address until this command gives it one.
    """
    from imagemill.users.origin import COMMAND

    password = _password(password_file)
    _say(_run(data, lambda people: people.recovery.set(email, password, COMMAND)))


def disable(email: Email, *, data: options.Data = None) -> None:
    """Keep an account out: its keys, tokens and password are refused."""
    from imagemill.users.origin import COMMAND

    async def work(people: People) -> Account:
        return await people.accounts.disable(await _id_of(people, email), COMMAND)

    _say(_run(data, work))


def enable(email: Email, *, data: options.Data = None) -> None:
    """Let an account in again."""
    from imagemill.users.origin import COMMAND

    async def work(people: People) -> Account:
        return await people.accounts.enable(await _id_of(people, email), COMMAND)

    _say(_run(data, work))


def give_role(email: Email, role: RoleName, *, data: options.Data = None) -> None:
    """Set what an account may do beyond its own things."""
    from imagemill.users.origin import COMMAND

    given = _role(role)

    async def work(people: People) -> Account:
        return await people.accounts.give_role(await _id_of(people, email), given, COMMAND)

    _say(_run(data, work))


_COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "list": show_all,
    "add": add,
    "set-password": set_password,
    "disable": disable,
    "enable": enable,
    "role": give_role,
}


def _run(data: Path | None, work: Callable[[People], Awaitable[T]]) -> T:
    from imagemill.assembly.accounts import people_beside
    from imagemill.settings import Settings
    from imagemill.telemetry import configure

    flags: dict[str, Any] = {"data": data} if data else {}
    settings = Settings.load(**flags)
    configure(level="ERROR")

    async def run() -> T:
        async with people_beside(settings) as people:
            return await work(people)

    return asyncio.run(run())


async def _id_of(people: People, email: str) -> str:
    found = await people.accounts.of_email(email)
    if found is None:
        raise CommandFailed(
            f"No account has the address {email}; `imagemill accounts list` shows all."
        )
    return found.id


def _role(name: str) -> Any:  # noqa: ANN401 - a `Role`, which is imported when it is needed
    from imagemill.contracts.scopes import Role
    from imagemill.errors import InvalidRequest

    try:
        return Role(name)
    except ValueError as error:
        raise InvalidRequest(f"There is no role {name!r}; there are {', '.join(Role)}.") from error


def _password(file: Path | None) -> str:
    """Read a password from a file or ask for it twice; never from an argument, which others see."""
    if file is None:
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    return text.partition("\n")[0].removesuffix("\r")


def _say(account: Account) -> None:
    screen.say("  ".join(_row(account)))


def _row(account: Account) -> tuple[str, str, str, str]:
    state = "disabled" if account.is_disabled else "ready"
    if account.awaits_confirmation:
        state = "awaits confirmation"
    elif account.password_hash is None and not account.is_disabled:
        state = "no password"
    return account.id, account.email.shown if account.email else "-", account.role.value, state
