"""Fixtures of the gateway's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from tests.postgres.bystanders import beside
from tests.postgres.server import Server
from tests.tightbeam.engine.samples import JobChannel, job_channel
from tests.tightbeam.gateway.serving import secured
from tightbeam import Client
from tightbeam.gateway import Gateway


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client in memory; on a server's database where TIGHTBEAM_GATEWAY_STORE is ``postgres``."""
    if os.environ.get("TIGHTBEAM_GATEWAY_STORE") != "postgres":
        yield Client()
        return
    server: Server = request.getfixturevalue("postgres_server")
    address = server.new()
    with beside(address):
        yield Client(address)


@pytest.fixture
def ch() -> JobChannel:
    return job_channel(job_id="j1")


@pytest.fixture
def gateway(client: Client) -> Gateway:
    """Return the client's gateway, with secrets."""
    return secured(client)


@pytest.fixture
def api(client: Client, gateway: Gateway) -> FastAPI:
    """Return an application that mounts the gateway."""
    api = FastAPI(lifespan=client.lifespan)
    api.mount("/", gateway)
    return api
