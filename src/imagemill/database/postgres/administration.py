"""A role that owns the tables, and one for each service that changes rows, made by who may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from imagemill.errors import Unavailable

OWNER: Final = "owner"
"""Whose the schemas and tables are, by the name that its password has; no service is it."""
_HAS_ROLE: Final = "SELECT 1 FROM pg_roles WHERE rolname = %s"
_HAS_SCHEMA: Final = (
    "SELECT 1 FROM pg_namespace WHERE nspname = %s AND pg_get_userbyid(nspowner) = %s"
)
_LIMIT_S: Final = 10
_KEPT: Final = ("host", "port", "sslmode")
"""Parts of an address that are the same for every role."""
_ROWS: Final = "SELECT, INSERT, UPDATE, DELETE"
_NUMBERS: Final = "USAGE, SELECT"


def role_of(name: str) -> str:
    """Name the role that may use a schema, or own them all."""
    return f"imagemill_{name}"


def prepare(conninfo: str, passwords: Mapping[str, str]) -> None:
    """Make the owner, and for each schema a role that may change its rows and nothing else.

    `passwords` holds one for `OWNER` and one for each schema. May run again: it makes what is
    missing and sets the passwords. All or nothing. Raises `Unavailable`, which says what the
    server said.
    """
    roles = [role_of(name) for name in passwords]
    try:
        with psycopg.connect(conninfo, connect_timeout=_LIMIT_S) as connection:
            for name, password in passwords.items():
                _make_role(connection, role_of(name), password)
            # Who makes something for another role has to be a member of it, unless a superuser.
            _say(connection, "GRANT {} TO CURRENT_USER", *_ids(role_of(OWNER)))
            for name in passwords:
                if name != OWNER:
                    _make_schema(connection, name, role_of(name))
            _say(connection, "REVOKE {} FROM CURRENT_USER", *_ids(role_of(OWNER)))
            _close_to_others(connection, roles)
    except psycopg.Error as error:
        said = (error.diag.message_primary or str(error)).strip()
        raise Unavailable(f"The roles and schemas could not be made: {said}.") from error


def url_with(url: str, name: str, password: str) -> str:
    """Write the address under which a role reaches the database that another address names."""
    given = conninfo_to_dict(url)
    database = quote(str(given.pop("dbname", "") or "postgres"), safe="")
    kept = {each: str(given[each]) for each in _KEPT if given.get(each)}
    secret = quote(password, safe="")
    return f"postgresql://{role_of(name)}:{secret}@/{database}?{urlencode(kept)}"


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
    """Give the owner a schema, and a service the rows that are in it or ever will be."""
    schema, service, owner = _ids(name, role, role_of(OWNER))
    if connection.execute(_HAS_SCHEMA, (name, role)).fetchone():
        _take_over(connection, role)
    _say(connection, "CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}", schema, owner)
    _say(connection, "REVOKE ALL ON SCHEMA {} FROM PUBLIC", schema)
    _say(connection, "GRANT USAGE ON SCHEMA {} TO {}", schema, service)
    later = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT "
    for rights, kind in ((_ROWS, "TABLES"), (_NUMBERS, "SEQUENCES")):
        given = f"GRANT {rights} ON ALL {kind} IN SCHEMA {{}} TO {{}}"
        _say(connection, given, schema, service)
        _say(connection, f"{later}{rights} ON {kind} TO {{}}", owner, schema, service)


def _take_over(connection: psycopg.Connection, role: str) -> None:
    """Make the owner's what a service's role owned, as it did before there was an owner."""
    service, owner = _ids(role, role_of(OWNER))
    _say(connection, "GRANT {} TO CURRENT_USER", service)
    _say(connection, "REASSIGN OWNED BY {} TO {}", service, owner)
    _say(connection, "REVOKE {} FROM CURRENT_USER", service)


def _close_to_others(connection: psycopg.Connection, roles: list[str]) -> None:
    """Let nobody into the database but these roles, and nobody make anything outside a schema."""
    (database,) = _ids(connection.info.dbname)
    listed = sql.SQL(", ").join(map(sql.Identifier, roles))
    _say(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _say(connection, "GRANT CONNECT ON DATABASE {} TO {}", database, listed)
    _say(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def _ids(*names: str) -> list[sql.Identifier]:
    return [sql.Identifier(each) for each in names]


def _say(connection: psycopg.Connection, statement: str, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*parts))
