"""What happens is told: to a program by webhook, and to a person by mail."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good
from tests.acceptance.system import System, eventually, started
from tests.notifier.receiver import Receiver, receiving
from tests.notifier.smtp_peer import SMTPPeer, smtp_peer
from tests.peers.ports import free_port

ADA = {"email": "ada@example.com", "password": "correct horse battery"}
SMALL: dict[str, list[JSON]] = {
    "small": [{"op": "resize", "width": 8}, {"op": "convert", "format": "png"}]
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a host that has `a.jpg`, and nothing else."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "a.jpg").write_bytes(pictures.jpeg())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def mail_server() -> Iterator[SMTPPeer]:
    with smtp_peer() as found:
        yield found


@pytest.fixture(scope="module")
def telling(
    tmp_path_factory: pytest.TempPathFactory, host: str, receiver: Receiver, mail_server: SMTPPeer
) -> Iterator[System]:
    """Give a system that may reach the host, the receiver and the mail server."""
    port = free_port()
    settings = {
        "egress_allow_networks": "127.0.0.0/8",
        "egress_allow_ports": f"{host.rpartition(':')[2]},{receiver.port}",
        "notifier_mail_url": mail_server.url,
        "public_url": f"http://127.0.0.1:{port}",
    }
    data = tmp_path_factory.mktemp("telling") / "data"
    with started(data, settings=settings, port=port) as running:
        with API(running) as admin:
            eventually(admin.is_ready)
        yield running


def test_a_program_hears_of_images_and_batches(
    telling: System, receiver: Receiver, host: str
) -> None:
    events = ["image.stored", "image.failed", "batch.completed"]
    with API(telling) as api:
        hook = good(api.post("/api/v1/webhooks", json={"url": receiver.url, "events": events}))
        stored = good(api.post("/api/v1/images", json={"url": f"{host}/a.jpg"}))["image_id"]
        failed = good(api.post("/api/v1/images", json={"url": f"{host}/none.jpg"}))["image_id"]
        sent = api.upload(pictures.jpeg())["image_id"]
        items = [{"input": {"image_id": sent}}]
        batch = good(api.post("/api/v1/batches", json={"items": items, "outputs": SMALL}))
        eventually(lambda: len(receiver.ids()) == 4, what="four deliveries")

        told = {about(each.told["data"]): each.told for each in receiver.got}
        for each in receiver.got:
            Webhook(hook["secret"]).verify(each.body, dict(each.headers))

        assert {id_: each["type"] for id_, each in told.items()} == {
            stored: "image.stored",
            sent: "image.stored",
            failed: "image.failed",
            batch["batch_id"]: "batch.completed",
        }
        assert api.get(told[stored]["data"]["url"]).json()["width"] == 64
        assert told[failed]["data"]["code"] == "source_unavailable"
        assert told[batch["batch_id"]]["data"]["completed"] == 1


def about(data: JSON) -> str:
    """Name what an event is about."""
    return str(data.get("image_id") or data["batch_id"])


def test_a_person_is_mailed_a_link_that_opens_without_a_key(
    telling: System, mail_server: SMTPPeer
) -> None:
    with API(telling) as admin:
        good(admin.post("/api/v1/accounts", json={**ADA, "role": "user"}))
    with person(telling) as ada:
        wish = {"channels": {"job.completed": ["mail"]}}
        good(ada.patch("/api/v1/users/me/preferences", json=wish))
        job = ada.completed(ada.submit(ada.upload(pictures.jpeg())["image_id"], SMALL))

    (mail,) = eventually(lambda: list(mail_server.mails), what="a mail")
    links = set(re.findall(rf"{telling.url}\S+signature=\S+", mail.part("plain")))
    opened = [httpx2.get(each, trust_env=False) for each in links]

    assert mail.recipients == (ADA["email"],)
    assert job["job_id"] in mail.part("plain")
    assert [each.headers["content-type"] for each in opened] == ["image/png"]
    assert pictures.opened(opened[0].content).size == (8, 6)


def person(system: System) -> API:
    form = {"username": ADA["email"], "password": ADA["password"]}
    answer = httpx2.post(f"{system.url}/api/v1/auth/login", data=form, trust_env=False)
    client = API(system)
    client.headers = httpx2.Headers({"authorization": f"Bearer {good(answer)['access_token']}"})
    return client


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""
