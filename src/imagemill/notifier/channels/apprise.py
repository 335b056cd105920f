"""Mail, SMS and push by apprise: one gateway, as the operator configured it.

Known limits, with apprise 2.3: it blocks, so each gateway has a few threads of its own and what
takes longer is waited for no more, though its thread goes on until its socket gives up. It tells
whether a sending went well and logs why not; the reason is read from there. What was sent just when
the time was over is sent again: a mail or a message may come twice, and none is lost. All that
apprise can do beside sending is off: files, attachments, redirects, escapes, emoji, templates.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from imagemill.errors import InvalidRequest
from imagemill.notifier.channels.recipients import CHECKS, PLACEHOLDER, placed
from imagemill.notifier.channels.verdicts import Verdict, verdict_of
from imagemill.notifier.texts import Said

SERVICES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "mail": frozenset(
            {"mailto", "mailtos", "ses", "sendgrid", "mailgun", "smtp2go", "brevo", "resend"}
        ),
        "sms": frozenset({"twilio", "sns", "vonage", "plivo", "sinch", "msgbird"}),
        "push": frozenset({"fcm", "vapid", "ntfy", "ntfys"}),
    }
)
"""Services of apprise that each channel may use: those of which it was tried that they address the
recipient, and nobody else."""

_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {"mail": "somebody@example.org", "sms": "+15551234567", "push": "device"}
)
_HEADERS: Final[Mapping[str, str]] = MappingProxyType({"Auto-Submitted": "auto-generated"})
"""Of each mail; RFC 3834 asks it of what no person wrote, so that no machine answers it."""
_SOCKET_S: Final = 15.0
"""For one step of a conversation; mail servers may look at a message for some seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a gateway may take up."""

    at_once: int = 4
    """Messages that are sent at the same time: threads."""
    timeout_s: float = 30.0
    """Seconds after which a sending is waited for no more."""


class Gateway:
    """Send messages by one service of apprise's; close() it at the end."""

    def __init__(self, channel: str, url: str, limits: Limits, apprise: Any) -> None:  # noqa: ANN401 - a module that is imported where it is wanted
        """Take the operator's URL, in which `{to}` stands for the recipient; see `opened`."""
        self._channel = channel
        self._url = url
        self._limits = limits
        self._apprise = apprise
        self._asset = _asset(apprise)
        self._free = asyncio.Semaphore(limits.at_once)
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix=f"gateway-{channel}")

    @classmethod
    def opened(cls, channel: str, url: str, limits: Limits) -> Gateway:
        """Make a gateway for `mail`, `sms` or `push`, and see that its URL is one.

        Raises `InvalidRequest` that names the setting, and never shows the URL, when it is wrong or
        when the extra is not installed.
        """
        setting = f"IMAGEMILL_NOTIFIER_{channel.upper()}_URL"
        _check_form(setting, channel, url)
        gateway = cls(channel, url, limits, _imported(setting))
        if gateway._service(_EXAMPLES[channel]) is None:
            raise InvalidRequest(
                f"{setting} is not a URL that apprise can send to one recipient with."
            )
        return gateway

    async def send(self, to: str, said: Said) -> Verdict | None:
        """Send a message; None when it was taken, else why it was not.

        Raises `InvalidRequest` for a recipient who cannot be one.
        """
        to = CHECKS[self._channel](to)
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                await self._free.acquire()
                return await asyncio.wrap_future(self._started(to, said))
        except TimeoutError:
            return Verdict("The gateway did not answer in time.", is_final=False)

    def close(self) -> None:
        """Begin nothing more; what is being sent ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _started(self, to: str, said: Said) -> Future[Verdict | None]:
        """Hand a sending to a thread, which keeps its place until it has really ended."""
        loop = asyncio.get_running_loop()
        sending = self._threads.submit(self._sent, to, said)
        sending.add_done_callback(lambda _: _told(loop, self._free.release))
        return sending

    def _sent(self, to: str, said: Said) -> Verdict | None:
        service = self._service(to)
        if service is None:
            return Verdict("The gateway takes no such recipient.", is_final=True)
        sender = self._apprise.Apprise(asset=self._asset)
        sender.add(service)
        result = sender.notify(
            title=said.title,
            body=said.html or said.text,
            body_format="html" if said.html else "text",
            log_level=logging.DEBUG,
        )
        with result:
            return None if result else verdict_of(entry.message for entry in result.logs())

    def _service(self, to: str) -> Any:  # noqa: ANN401 - a class of apprise's
        """Make the service for one recipient; None where it would reach anybody else, or nobody."""
        # apprise 2.3 reads `o'brien@example.org` as the name `o` and another's address, and some
        # not at all: so it reads an example, in whose place the address is put.
        read = _EXAMPLES["mail"] if self._channel == "mail" else to
        service = self._apprise.Apprise.instantiate(placed(self._url, read), asset=self._asset)
        if service is None:
            return None
        if read != to:
            service.targets = [_exchanged(each, to) for each in service.targets]
        if len(service) != 1 or list(_addressed(service)) != [_plain(to)]:
            return None
        service.socket_connect_timeout = service.socket_read_timeout = _SOCKET_S
        if isinstance(getattr(service, "headers", None), dict):
            service.headers.update(_HEADERS)
        return service


def _check_form(setting: str, channel: str, url: str) -> None:
    scheme, is_url, rest = url.partition("://")
    if not is_url or scheme.lower() not in SERVICES[channel]:
        known = ", ".join(sorted(SERVICES[channel]))
        raise InvalidRequest(f"{setting} begins with one of {known}, and `://`.")
    if rest.count(PLACEHOLDER) != 1:
        raise InvalidRequest(f"{setting} has {PLACEHOLDER} once, where the recipient belongs.")


def _imported(setting: str) -> Any:  # noqa: ANN401 - a module
    try:
        with warnings.catch_warnings():
            # It asks for `imghdr`, which Python 3.13 has no longer.
            warnings.simplefilter("ignore", DeprecationWarning)
            module = importlib.import_module("apprise")
            module.manager_plugins.NotificationManager().load_modules()
    except ImportError as error:
        raise InvalidRequest(
            f"{setting} is set, and what it needs is not installed: make install EXTRAS=notify"
        ) from error
    # Its log lines name recipients; what they tell is read from each result.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.NullHandler())
    return module


def _asset(apprise: Any) -> Any:  # noqa: ANN401 - a class of apprise's
    return apprise.AppriseAsset(
        app_id="Imagemill",
        app_desc="Imagemill",
        app_url="",
        storage_mode="memory",
        service_timeout=0,
        http_redirects=False,
        interpret_emojis=False,
        interpret_escapes=False,
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
        secure_logging=True,
        image_path_mask=False,
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        timezone="UTC",
        language="en",
    )


def _addressed(service: Any) -> Iterator[str]:  # noqa: ANN401 - a class of apprise's
    """List whom a service would reach, copies included."""
    for name in ("targets", "phone", "topics", "cc", "bcc"):
        for each in getattr(service, name, None) or ():
            yield _plain(str(each[-1] if isinstance(each, tuple) else each))


def _exchanged(target: str | tuple[object, str], to: str) -> str | tuple[object, str]:
    """Put another address in the place of the one that apprise read, with a name or without."""
    return (target[0], to) if isinstance(target, tuple) else to


def _plain(to: str) -> str:
    return to.removeprefix("+")


def _told(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    """Say something to a loop from a thread; nobody listens after the loop's end."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(what)
