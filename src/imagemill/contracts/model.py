"""The shape that all models between services share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """A frozen model; writers say no more than it names, readers ignore what they do not know.

    So that two versions of a service can talk while one of them is being replaced.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
