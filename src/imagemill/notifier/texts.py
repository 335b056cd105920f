"""What people read: every sentence that is mailed, sent as SMS or pushed stands in this file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Final

from imagemill.notifier.facts import Facts, Failure, Result

SMS_CHARACTERS: Final = 160
"""Of one SMS in GSM-7; with any other letter it would be 70."""
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38's basic set, of which each character counts once."""
_SHOWN_RESULTS: Final = 10
_SHOWN_WIDTH_PX: Final = 320
"""Width of the picture in a mail; a telephone held upright shows about 360."""
_PICTURE_BYTES: Final = 1_000_000
"""A larger picture is linked and not shown: mail is opened on telephones."""
_SHOWN_FORMATS: Final = frozenset({"jpeg", "png", "webp", "gif"})
"""What mail programs show."""
_TOLD_CHARACTERS: Final = 300
"""Of a reason; errors quote what they met."""

Sign = Callable[[str], str]
"""Makes, of the path of a result, an address that opens it without a login."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message, ready for a gateway."""

    title: str
    """Subject of a mail, title of a push message; empty for an SMS, which has none."""
    text: str
    html: str | None = None
    """A mail's whole body; its plain text is made from this where there is one."""


@dataclass(frozen=True, slots=True)
class _Wording:
    title: str
    sentence: str


_WORDINGS: Final[Mapping[str, _Wording]] = MappingProxyType(
    {
        "job.completed": _Wording("Job {short} is done", "Your job {id}{what} is done."),
        "job.failed": _Wording("Job {short} failed", "Your job {id}{what} failed."),
        "job.dead": _Wording(
            "Job {short} failed and waits for a decision",
            "Your job {id}{what} failed, as often as it may be tried. It is a dead letter now: "
            "replay it, or discard it.",
        ),
        "batch.completed": _Wording("Batch {short} has ended", "Your batch {id} has ended."),
        "image.stored": _Wording("Image {short} is stored", "Your image {id}{what} is stored."),
        "image.failed": _Wording(
            "Image {short} was not taken", "Your image {id}{what} could not be taken in."
        ),
        "test": _Wording(
            "Imagemill can reach you here", "This is the test message that you asked for."
        ),
    }
)
_WHY: Final = "You are told because your preferences at {home} ask for {type}."
_OPEN: Final = "The links open for seven days for everybody who has them."
_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em">
{body}
</body></html>
"""


def is_told(type_: str) -> bool:
    """Tell whether there are words for an event of this type."""
    return type_ in _WORDINGS


def mail(facts: Facts, home: str, sign: Sign) -> Said:
    """Say it as a mail: what happened, the results with their links, and one picture.

    `home` is the address of this installation. Everything that a user named is escaped.
    """
    title, sentence = _words(facts)
    parts = [_paragraph(sentence), *_mail_parts(facts, sign)]
    if facts.path:
        why = escape(_WHY.format(home=home, type=facts.type))
        parts += [f"<p>{_link(home + facts.path)}</p>", f"<p><small>{why}</small></p>"]
    body = "\n".join(parts)
    return Said(title, sentence, _PAGE.format(title=escape(title), body=body))


def sms(facts: Facts) -> Said:
    """Say it in one SMS: at most 160 characters, all of them GSM-7; no link would fit."""
    title, _ = _words(facts)
    return Said("", gsm7(" ".join(["Imagemill:", f"{title}.", *_short(facts)])))


def push(facts: Facts) -> Said:
    """Say it as a title and a sentence or two."""
    title, sentence = _words(facts)
    return Said(title, " ".join([sentence, *_short(facts)]))


def gsm7(text: str) -> str:
    """Write a text with the letters of GSM-7 alone, cut to one SMS."""
    plain = "".join(_letter(each) for each in text)
    return plain if len(plain) <= SMS_CHARACTERS else f"{plain[: SMS_CHARACTERS - 3]}..."


def _letter(letter: str) -> str:
    if letter in _BASIC:
        return letter
    plain = unicodedata.normalize("NFKD", letter)[0]
    return plain if plain in _BASIC else "?"


def _words(facts: Facts) -> tuple[str, str]:
    wording = _WORDINGS[facts.type]
    what = f" ({facts.what})" if facts.what else ""
    named = {"id": facts.id, "short": facts.id[:8], "what": what}
    return wording.title.format(**named), wording.sentence.format(**named)


def _short(facts: Facts) -> Iterator[str]:
    """Say the rest in a few words."""
    if facts.reason:
        yield _cut(facts.reason)
    if facts.counts:
        yield _counted(facts.counts)
    if facts.results:
        yield f"{len(facts.results)} {'result' if len(facts.results) == 1 else 'results'}."


def _mail_parts(facts: Facts, sign: Sign) -> Iterator[str]:
    if facts.reason:
        yield _paragraph(_cut(facts.reason))
    if facts.counts:
        yield _paragraph(_counted(facts.counts))
    if facts.failures:
        yield _listed(_failure(each) for each in facts.failures)
    if shown := _shown(facts.results):
        yield _picture(shown, sign(shown.path))
    if facts.results:
        yield _listed(_result(each, sign(each.path)) for each in facts.results[:_SHOWN_RESULTS])
        yield _paragraph(_more(len(facts.results)) + _OPEN)


def _more(results: int) -> str:
    return f"There are {results - _SHOWN_RESULTS} more. " if results > _SHOWN_RESULTS else ""


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _listed(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{each}</li>" for each in items) + "</ul>"


def _failure(failure: Failure) -> str:
    return escape(f"{failure.id}: {_cut(failure.reason)}")


def _result(result: Result, address: str) -> str:
    """Show the address itself: the plain text of a mail keeps words and drops links."""
    return f"{escape(f'{result.name} ({_measured(result)})')}:<br>{_link(address)}"


def _link(address: str) -> str:
    return f'<a href="{escape(address)}">{escape(address)}</a>'


def _picture(result: Result, address: str) -> str:
    width = min(result.width or _SHOWN_WIDTH_PX, _SHOWN_WIDTH_PX)
    return f'<p><img src="{escape(address)}" width="{width}" alt="{escape(result.name)}"></p>'


def _shown(results: Iterable[Result]) -> Result | None:
    """Choose the smallest picture that mail programs show."""
    fit = [
        each
        for each in results
        if each.format in _SHOWN_FORMATS and each.size_bytes <= _PICTURE_BYTES
    ]
    return min(fit, key=lambda each: each.size_bytes, default=None)


def _measured(result: Result) -> str:
    size = f", {result.width} × {result.height} px" if result.width and result.height else ""
    return f"{result.format}{size}, {_bytes(result.size_bytes)}"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _counted(counts: Mapping[str, int]) -> str:
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"{said or 'Nothing was in it'}."


def _cut(reason: str) -> str:
    reason = " ".join(reason.split())
    return reason if len(reason) <= _TOLD_CHARACTERS else f"{reason[: _TOLD_CHARACTERS - 1]}…"
