"""The instruments, and what they tell. One set for each provider, however many hooks share that."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from tightbeam._forks import fork_safe_lock, watch_forks
from tightbeam._hooks.info import ClientInfo, CommitInfo, ConnectionInfo, RunCount
from tightbeam.otel._conventions import (
    CONSUMER_GROUP,
    DESTINATION,
    DURABLE,
    ERROR_TYPE,
    FUNCTION,
    OPERATION_NAME,
    OPERATION_TYPE,
    OTHER,
    OUTCOME,
    SCHEMA_URL,
    SCOPE,
    SECONDS,
    SERVER_ADDRESS,
    SERVER_PORT,
    SIDE,
    STATE,
    SYSTEM,
    SYSTEM_NAME,
    TEMPLATE,
    TOPIC,
    TRANSPORT,
)
from tightbeam.otel._errors import BoundedNames, error_type
from tightbeam.otel._tally import Tally

__all__ = ["Metrics", "Operation", "metrics_of", "server_attributes"]

Attributes = Mapping[str, str | int | bool]
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_FRESH_SECONDS = 1.0
"""How long a count of runs is used: two instruments of one collection share it."""
_MAX_ERROR_TYPES = 100
_MAX_EVENTS = 1_000


class Operation(NamedTuple):
    """What is told apart of messages and events; all of it comes from definitions and code."""

    name: str
    type: str
    template: str | None = None
    topic: str | None = None
    durable: bool | None = None
    event: str | None = None
    function: str | None = None
    server: str | None = None
    error: str | None = None


class _Outcome(NamedTuple):
    function: str
    outcome: str


class _Connection(NamedTuple):
    side: str
    transport: str


class Metrics:
    """The instruments of one provider."""

    def __init__(self, provider: MeterProvider | None) -> None:
        """Make the instruments.

        Args:
            provider: of the meter; None for the global one, which may be set later.
        """
        meter = metrics.get_meter(SCOPE, meter_provider=provider, schema_url=SCHEMA_URL)
        self._error_names = BoundedNames(_MAX_ERROR_TYPES)
        self._event_names = BoundedNames(_MAX_EVENTS)
        self._clients: dict[ClientInfo, int] = {}
        """The clients, each with how many messages it had dropped when it was asked last."""
        self._connections: set[ConnectionInfo] = set()
        self._lock = threading.Lock()
        watch_forks(self)
        self._counted: tuple[float, list[RunCount]] = -math.inf, []
        other = Operation(OTHER, OTHER)
        self._sent = Tally(_attributes, other)
        self._consumed = Tally(_attributes, other)
        self._outcomes = Tally(_outcome_attributes, _Outcome(OTHER, OTHER))
        self._carried = Tally(_connection_attributes, _Connection(OTHER, OTHER))
        self._dropped_before = 0
        """How many messages were dropped by clients that exist no longer."""
        self._duration = meter.create_histogram(
            "messaging.client.operation.duration",
            unit="s",
            description="Duration of publishing or sending, where that waits for a disk or a server",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._processing = meter.create_histogram(
            "messaging.process.duration",
            unit="s",
            description="Duration of an execution of a run",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._commits = meter.create_histogram(
            "tightbeam.commit.duration",
            unit="s",
            description="Duration of a commit of the journal",
            explicit_bucket_boundaries_advisory=_COMMIT_SECONDS,
        )
        self._observe(meter)

    def _observe(self, meter: metrics.Meter) -> None:
        """Make the instruments that are read when metrics are collected."""
        counter, gauge = meter.create_observable_counter, meter.create_observable_gauge
        sums = meter.create_observable_up_down_counter
        counter(
            "messaging.client.sent.messages",
            [self._sent.observe],
            "{message}",
            "Messages and events that were published or sent, or failed to be",
        )
        counter(
            "messaging.client.consumed.messages",
            [self._consumed.observe],
            "{message}",
            "Messages that subscriptions of this process have handed to their readers",
        )
        counter(
            "tightbeam.run.executions",
            [self._outcomes.observe],
            "{execution}",
            "Executions of runs that ended",
        )
        counter(
            "tightbeam.connection.messages",
            [self._observe_carried],
            "{message}",
            "Messages that were carried over connections",
        )
        counter(
            "tightbeam.dropped.messages",
            [self._observe_dropped],
            "{message}",
            "Live messages that were dropped, since their readers were too slow",
        )
        sums("tightbeam.connections", [self._observe_connections], "{connection}", "Open connections")
        sums("tightbeam.subscribers", [self._observe_subscribers], "{subscription}", "Open subscriptions")
        sums("tightbeam.runs", [self._observe_runs], "{run}", "Unfinished runs")
        gauge(
            "tightbeam.queue.age", [self._observe_age], "s", "How long the oldest run that is due has waited"
        )
        gauge(
            "tightbeam.log.lag",
            [self._observe_lag],
            "s",
            "How long durable messages have waited for older transactions of their database server to end",
        )

    # -- what hooks tell -----------------------------------------------------------------------------------

    def sent(self, operation: Operation, error: BaseException | None, seconds: float | None) -> None:
        """Count a message or event.

        Args:
            operation: publishing or sending.
            error: how it failed, if it did.
            seconds: how long it took; None where it waits for nothing.
        """
        if operation.event is not None:
            operation = operation._replace(event=self._event_names(operation.event))
        if error is not None:
            operation = operation._replace(error=self._error_names(error_type(error)))
        self._sent.add(operation)
        if seconds is not None:
            self._duration.record(seconds, _attributes(operation))

    def consumed(self, operation: Operation) -> None:
        """Count a message that a reader has got."""
        self._consumed.add(operation)

    def executed(
        self, operation: Operation, outcome: str, error: BaseException | None, seconds: float
    ) -> None:
        """Count an execution of a run.

        Args:
            operation: with function and event.
            outcome: how it ended.
            error: that it failed with, if it did.
            seconds: how long it took.
        """
        self._outcomes.add(_Outcome(operation.function or OTHER, outcome))
        if error is not None:
            operation = operation._replace(error=self._error_names(error_type(error)))
        self._processing.record(seconds, _attributes(operation))

    def committed(self, commit: CommitInfo) -> None:
        """Record a commit."""
        self._commits.record(commit.seconds, {ERROR_TYPE: OTHER} if commit.failed else {})

    def add_client(self, client: ClientInfo) -> None:
        """Ask a client, too, when metrics are collected."""
        with self._lock:
            self._clients.setdefault(client, 0)

    def connected(self, connection: ConnectionInfo) -> None:
        """Count a connection from now on."""
        with self._lock:
            self._connections.add(connection)

    def disconnected(self, connection: ConnectionInfo) -> None:
        """Count a connection no longer, but its messages."""
        with self._lock:  # together, since a sum that is read meanwhile must not fall
            self._connections.discard(connection)
            self._carried.add(_Connection(connection.side, connection.transport), connection.messages)

    def after_fork(self) -> None:
        """Know no connection in a forked child: they are the parent's, and so is what was dropped."""
        self._lock = threading.Lock()
        self._connections = set()
        self._clients = dict.fromkeys(self._clients, 0)
        self._dropped_before = 0

    # -- what is asked when metrics are collected ------------------------------------------------------------

    def _living_clients(self) -> tuple[ClientInfo, ...]:
        with self._lock:
            for client in tuple(self._clients):
                if client.is_gone:
                    self._dropped_before += self._clients.pop(client)
            return tuple(self._clients)

    def _observe_subscribers(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(sum(client.subscribers for client in self._living_clients()))]

    def _observe_dropped(self, _options: CallbackOptions) -> Iterable[Observation]:
        now = {client: client.dropped for client in self._living_clients()}
        with self._lock:
            self._clients.update(now)
            return [Observation(self._dropped_before + sum(self._clients.values()))]

    def _observe_connections(self, _options: CallbackOptions) -> Iterable[Observation]:
        counts: dict[_Connection, int] = defaultdict(int)
        with self._lock:
            for each in self._connections:
                counts[_Connection(each.side, each.transport)] += 1
        for key, _ in self._carried.counts():
            counts.setdefault(key, 0)
        return [Observation(count, _connection_attributes(key)) for key, count in counts.items()]

    def _observe_carried(self, _options: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            counts: dict[_Connection, int] = defaultdict(int, self._carried.counts())
            for each in self._connections:
                counts[_Connection(each.side, each.transport)] += each.messages
        return [Observation(count, _connection_attributes(key)) for key, count in counts.items()]

    def _observe_runs(self, _options: CallbackOptions) -> Iterable[Observation]:
        runs: dict[tuple[str, str], int] = defaultdict(int)
        for each in self._count_runs():
            runs[each.function, each.state] += each.runs
        return [
            Observation(count, {FUNCTION: function, STATE: state})
            for (function, state), count in runs.items()
        ]

    def _observe_age(self, _options: CallbackOptions) -> Iterable[Observation]:
        ages: dict[str, float] = {}
        for each in self._count_runs():
            ages[each.function] = max(ages.get(each.function, 0.0), each.age)
        return [Observation(age, {FUNCTION: function}) for function, age in ages.items()]

    def _observe_lag(self, _options: CallbackOptions) -> Iterable[Observation]:
        lags = [lag for client in self._living_clients() if (lag := client.read_lag()) is not None]
        return [Observation(max(lags))] if lags else []

    def _count_runs(self) -> list[RunCount]:
        counted_at, counts = self._counted
        now = time.monotonic()
        if now - counted_at > _FRESH_SECONDS:
            counts = [count for client in self._living_clients() for count in client.count_runs()]
            self._counted = now, counts
        return counts


def _attributes(operation: Operation) -> Attributes:
    """Return the attributes of an operation on a metric: none that has many values."""
    attributes: dict[str, str | int | bool] = {
        SYSTEM: SYSTEM_NAME,
        OPERATION_NAME: operation.name,
        OPERATION_TYPE: operation.type,
    }
    optional = (
        (TEMPLATE, operation.template),
        (TOPIC, operation.topic),
        (DURABLE, operation.durable),
        (DESTINATION, operation.event),
        (CONSUMER_GROUP, operation.function),
        (ERROR_TYPE, operation.error),
    )
    attributes.update({name: value for name, value in optional if value is not None})
    if operation.server is not None:
        attributes.update(server_attributes(operation.server))
    return attributes


def _outcome_attributes(key: _Outcome) -> Attributes:
    return {FUNCTION: key.function, OUTCOME: key.outcome}


def _connection_attributes(key: _Connection) -> Attributes:
    return {SIDE: key.side, TRANSPORT: key.transport}


def server_attributes(origin: str) -> Attributes:
    """Return the attributes that name a server."""
    parts = urlsplit(origin)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {SERVER_ADDRESS: parts.hostname or "", SERVER_PORT: port}


_lock = fork_safe_lock()
_global: list[Metrics] = []
_by_provider: WeakKeyDictionary[MeterProvider, Metrics] = WeakKeyDictionary()


def metrics_of(provider: MeterProvider | None) -> Metrics:
    """Return the instruments of a provider: the same ones each time, since each would be reported apart.

    Args:
        provider: None for the global one.
    """
    with _lock:
        if provider is None:
            if not _global:
                _global.append(Metrics(None))
            return _global[0]
        known = _by_provider.get(provider)
        if known is None:
            known = _by_provider[provider] = Metrics(provider)
        return known
