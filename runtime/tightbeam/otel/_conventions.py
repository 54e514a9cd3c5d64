"""Names of attributes and instruments: the messaging conventions' where they have one, ours elsewhere.

The conventions are in development: their names may change, and these follow in a minor release, which the
CHANGELOG says. What only this system has is named ``messaging.tightbeam.…`` (of messages) or ``tightbeam.…``.
"""

from __future__ import annotations

__all__ = [
    "ATTEMPT",
    "BATCH_COUNT",
    "BODY_SIZE",
    "CONSUMER_GROUP",
    "DESTINATION",
    "DURABLE",
    "ERROR_TYPE",
    "FUNCTION",
    "MESSAGE_ID",
    "OPERATION_NAME",
    "OPERATION_TYPE",
    "OTHER",
    "OUTCOME",
    "RUN_ID",
    "RUN_IDS",
    "SCHEMA_URL",
    "SCOPE",
    "SECONDS",
    "SERVER_ADDRESS",
    "SERVER_PORT",
    "SIDE",
    "STATE",
    "STEP_ID",
    "STEP_KIND",
    "SYSTEM",
    "SYSTEM_NAME",
    "TEMPLATE",
    "TOPIC",
    "TRANSPORT",
]

SCOPE = "tightbeam"
"""The instrumentation scope of spans and instruments."""
SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
"""The conventions whose names these are."""

SYSTEM = "messaging.system"
SYSTEM_NAME = "tightbeam"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
TEMPLATE = "messaging.destination.template"
CONSUMER_GROUP = "messaging.consumer.group.name"
MESSAGE_ID = "messaging.message.id"
BODY_SIZE = "messaging.message.body.size"
BATCH_COUNT = "messaging.batch.message_count"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
OTHER = "_OTHER"
"""Stands for values beyond those that are told apart."""

TOPIC = "messaging.tightbeam.topic"
DURABLE = "messaging.tightbeam.durable"
FUNCTION = "tightbeam.function"
RUN_ID = "tightbeam.run.id"
RUN_IDS = "tightbeam.run.ids"
ATTEMPT = "tightbeam.run.attempt"
STATE = "tightbeam.run.state"
OUTCOME = "tightbeam.outcome"
STEP_ID = "tightbeam.step.id"
STEP_KIND = "tightbeam.step.kind"
SIDE = "tightbeam.connection.side"
TRANSPORT = "tightbeam.connection.transport"

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds of the buckets of durations, as the conventions advise."""
