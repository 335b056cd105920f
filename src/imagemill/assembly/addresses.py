"""Under which address this installation is reached."""

from __future__ import annotations

from imagemill.settings import Settings


def address_of(settings: Settings) -> str:
    """Tell what URLs begin with; nothing where the port is only known when it is taken."""
    if settings.public_url or not settings.port:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.tls.public_certificate_file else "http"
    return f"{scheme}://{host}:{settings.port}"
