"""How Imagemill is seen from outside."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MetricsSettings(BaseModel):
    """Where each process answers Prometheus and an orchestrator, beside its own address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        description="Address at which `/metrics` and `/health` are answered to anybody, without a "
        "key: loopback unless told.",
    )
    port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port for them; 0 opens none. `/metrics` at the gateway needs a key of scope "
        "`operate` either way.",
    )


class TelemetrySettings(BaseModel):
    """Where traces go, and how many of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    otlp_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^\s?#]+)?$",
        description="Address of a collector that takes OTLP over HTTP, such as "
        "`http://collector:4318`; `/v1/traces` is added. Empty: no traces. Needs the extra `otel`.",
    )
    sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Part of the traces that begin here and are sent; one that begins elsewhere "
        "is sent if its beginning says so.",
    )
    service_namespace: str = Field(
        "imagemill",
        min_length=1,
        max_length=100,
        description="`service.namespace` of every span; tells installations apart.",
    )
    service_name: str = Field(
        "",
        max_length=100,
        description="`service.name` of every span; empty: `imagemill`, a `-`, and the processes "
        "that run here, such as `imagemill-jobs`.",
    )
    flush_s: float = Field(
        3.0,
        ge=0,
        le=60,
        description="Longest time that a process which ends waits for the collector to take the "
        "last spans, in seconds; what it has not taken then is lost.",
    )
