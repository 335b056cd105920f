"""All that is about people who log in, put together over one database."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pwdlib import PasswordHash

from imagemill.audit import Write
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.notifier import NotifierClient
from imagemill.database import Database
from imagemill.keyring import KeyRing
from imagemill.users.accounts import Accounts
from imagemill.users.attempts import Attempts
from imagemill.users.errand_runner import ErrandRunner
from imagemill.users.letters import Post, Writer
from imagemill.users.mailing import Mailing
from imagemill.users.origin import log_entry
from imagemill.users.passwords import NOBODY, Passwords
from imagemill.users.recovery import Recovery
from imagemill.users.registration import Registration
from imagemill.users.settings import UsersSettings
from imagemill.users.signing_in import SigningIn
from imagemill.users.tokens import Tokens


@dataclass(frozen=True, slots=True)
class People:
    """What is done for people: coming in, staying, being told, going."""

    signing_in: SigningIn
    registration: Registration
    recovery: Recovery
    accounts: Accounts
    errands: ErrandRunner

    async def close(self) -> None:
        """End the threads that hash."""
        await self.signing_in.passwords.close()


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Ground:
    """What the work stands on."""

    database: Database
    ring: KeyRing
    """Keys of access tokens."""
    settings: UsersSettings = field(default_factory=UsersSettings)
    public_url: str = ""
    """Who issues tokens; `imagemill` where it is empty."""
    link_url: str = ""
    """What links in letters begin with; the public address where it is empty."""
    peers: Mapping[str, ServiceClient] = field(default_factory=dict)
    """Services that can be told something, the notifier among them where there is one."""
    linger_s: float = 0.0
    """Seconds for which a gateway may let in who is gone."""
    note: Write = log_entry
    clock: Callable[[], float] = time.time
    new_id: Callable[[], str] = _new_id
    hasher: PasswordHash = field(default_factory=PasswordHash.recommended)
    nobody: str = NOBODY
    """A hash that costs as much as one of the hasher's."""


def people_of(ground: Ground) -> People:
    """Put it together."""
    settings, clock = ground.settings, ground.clock
    attempts = Attempts(settings)
    errands = ErrandRunner(ground.database, ground.peers, clock)
    mailing = _mailing(ground, attempts, errands)
    passwords = Passwords(
        ground.hasher,
        threads=settings.hashing_threads,
        waiting=settings.hashing_waiting,
        nobody=ground.nobody,
    )
    recovery = Recovery(ground.database, passwords, attempts, mailing, ground.note, clock)
    return People(
        signing_in=_signing_in(ground, passwords, attempts),
        registration=Registration(
            database=ground.database,
            settings=settings,
            passwords=passwords,
            attempts=attempts,
            mailing=mailing,
            note=ground.note,
            clock=clock,
            new_id=ground.new_id,
        ),
        recovery=recovery,
        accounts=Accounts(
            database=ground.database,
            passwords=passwords,
            recovery=recovery,
            mailing=mailing,
            note=ground.note,
            clock=clock,
            new_id=ground.new_id,
            bell=errands.ring,
            linger_s=ground.linger_s,
        ),
        errands=errands,
    )


def _signing_in(ground: Ground, passwords: Passwords, attempts: Attempts) -> SigningIn:
    issuer, life_s = ground.public_url or "imagemill", ground.settings.access_token_s
    return SigningIn(
        database=ground.database,
        settings=ground.settings,
        passwords=passwords,
        attempts=attempts,
        tokens=Tokens(ground.ring, issuer, life_s, ground.new_id, ground.clock),
        note=ground.note,
        clock=ground.clock,
        new_id=ground.new_id,
    )


def _mailing(ground: Ground, attempts: Attempts, errands: ErrandRunner) -> Mailing:
    notifier = ground.peers.get("notifier")
    post = Post(NotifierClient(notifier) if notifier else None, ground.clock)
    writer = Writer(ground.link_url or ground.public_url)
    return Mailing(post, writer, attempts, errands.ring, ground.new_id)
