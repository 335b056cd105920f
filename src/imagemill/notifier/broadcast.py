"""Every event of the jobs service on the queue too, for programs that live beside the broker.

The contract: topic `events`, one message for each event of the log, in the log's order, at least
once. After a failure a part comes again from its begin, and several notifiers publish each for
itself; `id` says what was seen. A message is JSON: `id` (as webhooks have it), `number`, `type`,
`timestamp`, `owner`, and in `data` the ids of the job and the batch. What polling would show is not
in it. Where it is turned on it begins where the notifier stands, not at the first event.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from imagemill.contracts.jobs import JobEvent, JobsClient
from imagemill.database import Database
from imagemill.errors import ImagemillError
from imagemill.notifier.events import event_id
from imagemill.notifier.records import places
from imagemill.queue import Queue

TOPIC: Final = "events"
_PLACE: Final = "jobs on the queue"
_LOG: Final = "jobs"
_WAIT_S: Final = 20.0
_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Reads the log of jobs from a place of its own, and publishes all of it."""

    jobs: JobsClient
    database: Database
    queue: Queue

    async def run(self) -> None:
        """Publish for ever; what cannot be published now is tried again, and nothing overtakes."""
        while True:
            try:
                await self.hear()
            except ImagemillError as error:
                _log.warning("events_not_published", reason=error.message)
                await asyncio.sleep(_RETRY_S)

    async def hear(self) -> None:
        """Publish the next part of the log, then move on; waits a while where there is none yet."""
        await self.database.run(lambda each: places.begin(each, _PLACE, _LOG), durable=False)
        after = await self.database.read(lambda each: places.place(each, _PLACE))
        found = await self.jobs.events(after, wait_s=_WAIT_S)
        if found:
            await self.queue.publish(TOPIC, [written(each) for each in found])
            last = found[-1].id
            # A place that a power cut takes back is only published again.
            await self.database.run(
                lambda each: places.move(each, _PLACE, after, last), durable=False
            )


def written(event: JobEvent) -> bytes:
    """Write what the topic carries of an event."""
    about = {"job_id": event.job_id, "batch_id": event.batch_id}
    told = {
        "id": event_id(_LOG, event.id, event.at),
        "number": event.id,
        "type": event.type,
        "timestamp": datetime.fromtimestamp(event.at, UTC).isoformat().replace("+00:00", "Z"),
        "owner": event.owner,
        "data": {name: value for name, value in about.items() if value},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
