"""A role and a schema for each service, made by somebody who may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from imagemill.errors import Unavailable

_HAS_ROLE: Final = "SELECT 1 FROM pg_roles WHERE rolname = %s"
_LIMIT_S: Final = 10
_KEPT: Final = ("host", "port", "sslmode")
"""Parts of an address that are the same for every role."""


def role_of(name: str) -> str:
    """Name the role that may use a schema."""
    return f"imagemill_{name}"


def prepare(conninfo: str, passwords: Mapping[str, str]) -> None:
    """Make, for each schema, a role with a password, which owns the schema and may use no other.

    May run again: it makes what is missing and sets the passwords. All or nothing. Raises
    `Unavailable`, which says what the server said.
    """
    try:
        with psycopg.connect(conninfo, connect_timeout=_LIMIT_S) as connection:
            for name, password in passwords.items():
                _make_role(connection, role_of(name), password)
                _make_schema(connection, name, role_of(name))
            _close_to_others(connection, [role_of(name) for name in passwords])
    except psycopg.Error as error:
        said = (error.diag.message_primary or str(error)).strip()
        raise Unavailable(f"The roles and schemas could not be made: {said}.") from error


def url_with(url: str, name: str, password: str) -> str:
    """Write the address under which a schema's role reaches the database that another names."""
    given = conninfo_to_dict(url)
    database = quote(str(given.pop("dbname", "") or "postgres"), safe="")
    kept = {each: str(given[each]) for each in _KEPT if given.get(each)}
    return f"postgresql://{role_of(name)}:{password}@/{database}?{urlencode(kept)}"


def password_in(url: str) -> str:
    """Read the password of an address that was written here."""
    return str(conninfo_to_dict(url).get("password") or "")


def _make_role(connection: psycopg.Connection, role: str, password: str) -> None:
    is_there = connection.execute(_HAS_ROLE, (role,)).fetchone()
    verb = sql.SQL("ALTER" if is_there else "CREATE")
    # Sent as what the server keeps, so that the password stands in none of its logs.
    secret = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    # A new role may do nothing but log in; who is no superuser may not even say so.
    made = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
    connection.execute(made.format(verb, sql.Identifier(role), sql.Literal(secret.decode())))


def _make_schema(connection: psycopg.Connection, name: str, role: str) -> None:
    schema, owner = sql.Identifier(name), sql.Identifier(role)
    # Who makes something for another role has to be a member of it, unless a superuser.
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    connection.execute(
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, owner)
    )
    connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(schema))
    connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(owner))


def _close_to_others(connection: psycopg.Connection, roles: list[str]) -> None:
    """Let nobody into the database but these roles, and nobody make anything outside a schema."""
    database = sql.Identifier(connection.info.dbname)
    listed = sql.SQL(", ").join(map(sql.Identifier, roles))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, listed))
    connection.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
