"""The Python client: send pictures to an Imagemill server and fetch what it makes of them.

    async with Client("http://127.0.0.1:8000", key="...") as client:
        image = await client.upload(Path("photo.jpg"))
        job = await client.submit(image.image_id, {"small": [{"op": "resize", "width": 400}]})
        job = await client.wait(job.job_id)
        await client.download(job.outputs["small"], Path("small.jpg"))

Waiting listens to the server's events and polls only where they cannot be had.
`BlockingClient` has the same methods for programs without an event loop.
"""

from imagemill.client.answers import (
    Accepted,
    Event,
    Example,
    FieldProblem,
    Image,
    Job,
    JobInput,
    Link,
    Operation,
    Output,
    PredictedOutput,
    Prediction,
    Preset,
    Priority,
    Problem,
    Status,
)
from imagemill.client.batch_answers import (
    Batch,
    BatchStatus,
    RefusedItem,
)
from imagemill.client.batches import BatchItem
from imagemill.client.blocking import BlockingClient
from imagemill.client.calls import Client
from imagemill.client.dead_letters import LetterFilter
from imagemill.client.images import ImageFilter
from imagemill.client.key_answers import Key, NewKey, Usage, Used, UsedByKey
from imagemill.client.keys import KeyBounds
from imagemill.client.letter_answers import (
    Attempt,
    DeadLetter,
    DeadLetterDetails,
    Decided,
)
from imagemill.client.problems import (
    ClientError,
    DamagedError,
    ForeignAnswerError,
    ProblemError,
    StillWorkingError,
    UnreachableError,
)
from imagemill.client.terms import Terms
from imagemill.client.webhook_answers import (
    Delivery,
    DeliveryAttempt,
    DeliveryDetails,
    NewWebhook,
    Secret,
    Webhook,
)

__all__ = [
    "Accepted",
    "Attempt",
    "Batch",
    "BatchItem",
    "BatchStatus",
    "BlockingClient",
    "Client",
    "ClientError",
    "DamagedError",
    "DeadLetter",
    "DeadLetterDetails",
    "Decided",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryDetails",
    "Event",
    "Example",
    "FieldProblem",
    "ForeignAnswerError",
    "Image",
    "ImageFilter",
    "Job",
    "JobInput",
    "Key",
    "KeyBounds",
    "LetterFilter",
    "Link",
    "NewKey",
    "NewWebhook",
    "Operation",
    "Output",
    "PredictedOutput",
    "Prediction",
    "Preset",
    "Priority",
    "Problem",
    "ProblemError",
    "RefusedItem",
    "Secret",
    "Status",
    "StillWorkingError",
    "Terms",
    "UnreachableError",
    "Usage",
    "Used",
    "UsedByKey",
    "Webhook",
]
