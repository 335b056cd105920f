"""The children at hand: who is idle, who serves whom, and a new zygote when the old one died."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from imagemill.engine import roster
from imagemill.engine.layers import Layer, missing
from imagemill.engine.nursery import Child, Gone, Nursery
from imagemill.engine.settings import Mode, SandboxSettings
from imagemill.errors import Unavailable


def check(layers: Sequence[Layer], mode: Mode) -> None:
    """Raise `Unavailable`, naming each layer that is missing, where every one is required."""
    lacking = missing(layers)
    if lacking and mode is Mode.REQUIRED:
        names = ", ".join(f"{layer.name} ({layer.note})" for layer in lacking)
        raise Unavailable(f"The sandbox is required, and this machine lacks: {names}.")


class Crew:
    """Own a zygote and its children, and lend one child for one order at a time."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._nursery: Nursery | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._idle: list[Child] = []
        """In the order in which they became idle."""
        self.layers: Sequence[Layer] = ()
        """What a locked child found in force; empty until the start."""
        self.starts = 0
        """Zygotes started so far."""

    @property
    def size(self) -> int:
        """Children alive, at work or idle."""
        return len(self._nursery.children) if self._nursery else 0

    async def start(self) -> None:
        """Start the zygote, and learn from a child which layers hold.

        Raises `Unavailable` where it does not start, or where a layer is missing and required.
        """
        nursery = await self._alive()
        try:
            self.layers = await self._looked(nursery)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End every child and the zygote; orders that are still worked on fail."""
        self._closed = True
        for child in self._idle:
            child.let_go()
        self._idle.clear()
        if self._nursery is not None:
            await self._nursery.close()

    async def take(self, owner: str) -> Child:
        """Lend a locked child that has served nobody but this owner; give or throw it back."""
        nursery = await self._alive()
        self._forget_the_dead()
        child = roster.pick(self._idle, owner)
        if child is None:
            child = nursery.fork()
        else:
            self._idle.remove(child)
        child.owner = owner
        return child

    def give_back(self, child: Child) -> None:
        """Keep a child that has answered for its owner's next order, as far as settings allow."""
        if not child.ended.done() and roster.reusable(child, self._settings):
            self._idle.append(child)
        else:
            child.let_go()
        self._tidy()

    def throw_back(self, child: Child) -> None:
        """Kill a child that must not serve again."""
        if self._nursery is not None:
            self._nursery.kill(child)
        self._tidy()

    async def _alive(self) -> Nursery:
        async with self._starting:
            if self._closed:
                raise Unavailable("The sandbox is closed.")
            if self._nursery is None or not self._nursery.alive:
                await self._renew()
            assert self._nursery is not None
            return self._nursery

    async def _renew(self) -> None:
        if self._nursery is not None:
            await self._nursery.close()
        settings = self._settings
        self._nursery = await Nursery.start(settings.bounds, within_s=settings.start_s)
        self.starts += 1

    async def _looked(self, nursery: Nursery) -> Sequence[Layer]:
        child = nursery.fork()
        try:
            async with asyncio.timeout(self._settings.start_s):
                layers = await child.greet()
        except (Gone, TimeoutError) as reason:
            raise Unavailable(f"The sandbox cannot lock a child in: {reason}.") from reason
        check(layers, self._settings.mode)
        self._idle.append(child)
        return layers

    def _tidy(self) -> None:
        self._forget_the_dead()
        for child in roster.surplus(self._idle, self._settings):
            self._idle.remove(child)
            child.let_go()
        if self._nursery is not None and self._nursery.alive and not self._closed:
            ahead = roster.shortage(self._idle, self._settings)
            self._idle += [self._nursery.fork() for _ in range(ahead)]

    def _forget_the_dead(self) -> None:
        for child in [each for each in self._idle if each.ended.done()]:
            self._idle.remove(child)
            child.let_go()
