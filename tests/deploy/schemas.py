"""Schemas of our own for the kinds that Kubernetes does not know by itself.

They know only the fields that deploy/ uses, as the documentation of each project describes them;
they are not those projects' own schemas, which cannot be had here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped] # It ships no types; this file is the border.
import kubernetes_validate  # type: ignore[import-untyped] # As above.

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_SPAN: Final[Schema] = {"type": "string", "pattern": r"^\d+(ms|s|m|h)$"}


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def _words(*allowed: str) -> Schema:
    return {"enum": list(allowed)}


_PATH: Final = _object({"type": _words("Exact", "PathPrefix"), "value": _TEXT})
_ANYTHING: Final[Schema] = {"type": "object"}
_PROMETHEUS: Final = _object(
    {
        "type": _words("prometheus"),
        "metadata": _object({"serverAddress": _TEXT, "query": _TEXT, "threshold": _TEXT}),
    }
)
_NATS: Final = _object(
    {
        "type": _words("nats-jetstream"),
        "metadata": _object(
            {
                "natsServerMonitoringEndpoint": _TEXT,
                "account": _TEXT,
                "stream": _TEXT,
                "consumer": _TEXT,
                "lagThreshold": _TEXT,
            }
        ),
    }
)
_SCALED: Final = _object(
    {
        "scaleTargetRef": _object({"name": _TEXT}),
        "triggers": _list({"oneOf": [_PROMETHEUS, _NATS]}),
    },
    minReplicaCount=_COUNT,
    maxReplicaCount=_COUNT,
    pollingInterval=_COUNT,
    cooldownPeriod=_COUNT,
    fallback=_object({"failureThreshold": _COUNT, "replicas": _COUNT}),
    advanced=_object({"horizontalPodAutoscalerConfig": _object({"behavior": _ANYTHING})}),
)
_MONITOR: Final = _object(
    {
        "selector": _object({"matchLabels": _ANYTHING}),
        "endpoints": _list(
            _object({"port": _TEXT}, path=_TEXT, interval=_SPAN, scrapeTimeout=_SPAN)
        ),
    },
    jobLabel=_TEXT,
)
_RULE: Final[Schema] = {
    "oneOf": [
        _object({"record": _TEXT, "expr": _TEXT}),
        _object({"alert": _TEXT, "expr": _TEXT, "labels": _ANYTHING, "annotations": _ANYTHING})
        | {"additionalProperties": {"pattern": r"^\d+(s|m|h)$"}},
    ]
}
_RULES: Final = _object({"groups": _list(_object({"name": _TEXT, "rules": _list(_RULE)}))})
_LISTENER: Final = _object(
    {"name": _TEXT, "port": _COUNT, "protocol": _words("HTTP", "HTTPS")},
    hostname=_TEXT,
    tls=_object(
        {
            "mode": _words("Terminate"),
            "certificateRefs": _list(_object({"kind": _words("Secret"), "name": _TEXT})),
        }
    ),
    allowedRoutes=_object({"namespaces": _object({"from": _words("Same")})}),
)
_REDIRECT: Final = _object(
    {
        "type": _words("RequestRedirect"),
        "requestRedirect": _object(
            {"statusCode": _words(301, 302)},  # type: ignore[arg-type] # numbers are words here
            scheme=_words("https"),
            path=_object({"type": _words("ReplaceFullPath"), "replaceFullPath": _TEXT}),
        ),
    }
)
_ROUTE: Final = _object(
    {
        "parentRefs": _list(_object({"name": _TEXT}, sectionName=_TEXT)),
        "rules": _list(
            _object(
                {},
                matches=_list(
                    _object(
                        {"path": _object({"type": _words("Exact", "PathPrefix"), "value": _TEXT})}
                    )
                ),
                filters=_list(_REDIRECT),
                timeouts=_object({}, request=_SPAN, backendRequest=_SPAN),
                backendRefs=_list(_object({"name": _TEXT, "port": _COUNT})),
            )
        ),
    },
    hostnames=_list(_TEXT),
)
SPECS: Final[Mapping[tuple[str, str], Schema]] = {
    ("keda.sh/v1alpha1", "ScaledObject"): _SCALED,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _MONITOR,
    ("monitoring.coreos.com/v1", "PrometheusRule"): _RULES,
    ("gateway.networking.k8s.io/v1", "Gateway"): _object(
        {"gatewayClassName": _TEXT, "listeners": _list(_LISTENER)}
    ),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): _ROUTE,
}
"""The schema of `spec`, by API version and kind."""


class Wrong(AssertionError):
    """A resource is not what its schema allows."""


def check(resource: Mapping[str, Any]) -> None:
    """Compare a resource with Kubernetes' own schema, strictly, or with ours; raises `Wrong`."""
    kind = resource["apiVersion"], resource["kind"]
    try:
        if kind in SPECS:
            jsonschema.validate(resource["spec"], SPECS[kind])
        else:
            version = kubernetes_validate.latest_version()
            kubernetes_validate.validate(resource, version, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        message = f"{kind} {resource['metadata']['name']}: {error}"
        raise Wrong(message) from error
