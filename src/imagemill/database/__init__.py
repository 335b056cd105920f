"""The database port: short transactions written as plain functions, one database per service.

A *unit* is a function that takes a `Connection`, runs statements and returns a value. It runs in
one transaction, off the event loop; when `run` returns, what it wrote is on disk. Statements name
their parameters as `:name` and use the SQL that SQLite and PostgreSQL share.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from imagemill.database.migrations import ALL, Migration, Phase

Row = Mapping[str, Any]
T = TypeVar("T")


class Connection(Protocol):
    """One open transaction, valid only inside the unit that got it."""

    @property
    def engine(self) -> Literal["sqlite", "postgresql"]:
        """Name whose SQL this is, for the few statements that the engines do not share."""
        ...

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one statement and answer its rows (empty for one that returns none)."""
        ...

    def execute_many(self, statement: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each set of parameters."""
        ...

    def now(self) -> float:
        """Tell the time by the database's own clock, in seconds since 1970.

        Leases and pauses are measured by it, so that processes whose clocks differ agree.
        """
        ...

    def tell(self, topic: str) -> None:
        """Wake other processes that hear of this database, once the transaction is committed.

        It saves them time and nothing hangs on it: a notice can be lost, so who waits also looks.
        A topic has at most 200 characters, and is no secret from whoever may open the server.
        """
        ...


Unit = Callable[[Connection], T]


class Database(Protocol):
    """A service's own database; nobody else opens it."""

    async def run(self, unit: Unit[T], *, durable: bool = True) -> T:
        """Run a unit in one transaction and return after it is durable.

        With `durable=False` it may return before: at a power cut (not at a crash of the process)
        what it wrote can be lost, together with all that was written after it. That saves a sync
        where losing the write only means doing something again.

        The unit may run again from the start when the engine asks for it, so it changes nothing
        but rows. What it raises is raised here, and leaves no trace in the database. Raises
        `Unavailable` when the database cannot be reached or written.
        """
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads, beside writers; it sees what was committed before."""
        ...

    async def migrate(self, migrations: Sequence[Migration], phase: Phase = ALL) -> None:
        """Apply, in order, the migrations of a phase that this database has not seen.

        Where operators do that before a version starts, only look: raises `Unavailable` when
        something is missing that has to be there first.
        """
        ...

    def heard(self) -> AsyncIterator[str]:
        """Yield, for ever, what other processes tell (see `Connection.tell`).

        The empty topic stands for all: much happened, or notices may have been missed. An engine
        that has no way for it yields nothing.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted, then let go of files and connections."""
        ...
