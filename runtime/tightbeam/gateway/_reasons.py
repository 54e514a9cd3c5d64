"""The reasons for which a gateway refuses, each with its cause and remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tightbeam.errors import JournalFailed
from tightbeam.gateway._refusals import Code, Refused, listed, shown

if TYPE_CHECKING:
    from tightbeam.errors import InvalidPayload, PayloadTooLarge, TightbeamError
    from tightbeam.gateway._settings import Access, Limits

__all__ = [
    "bad_token",
    "beyond_token",
    "body_too_large",
    "event_too_large",
    "frame_too_large",
    "invalid_event",
    "invalid_payload",
    "journal_remedy",
    "no_journal",
    "no_run_actions",
    "no_token",
    "other_site",
    "payload_too_large",
    "proxied",
    "run_refusal",
    "too_many_topics",
    "unavailable",
    "unknown_channel",
    "unknown_host",
    "unknown_key",
    "unknown_origin",
    "unknown_topic",
    "upgrade_required",
]


_ORIGIN = re.compile(r"[A-Za-z][\w+.-]*://[\w.:\[\]-]+", re.ASCII)
"""What a browser sends: scheme, host and port. Only that is proposed as a setting."""


def unknown_origin(origins: Sequence[str], access: Access) -> Refused:
    """Refuse a page by its origin. The page can read this answer, so it says nothing else."""
    origin = shown(origins[0]) if len(origins) == 1 else "several origins"
    allowed = sorted(access.origins | ({access.public_url} if access.public_url is not None else set()))
    now = listed(allowed) + (", and pages of this machine" if access.dev else "")
    remedy = f'add it: gateway.app(..., allowed_origins=["{origin}"])'
    if origin == "null":
        remedy = "serve the page over http: a file, or a sandboxed frame, has no origin that can be allowed"
    elif len(origins) != 1 or _ORIGIN.fullmatch(origins[0]) is None:
        remedy = "no browser sends that: look at the proxy in front"
    return Refused(
        403,
        f"this origin isn't allowed: the gateway's allowed_origins don't have {origin}",
        code="origin",
        cause=f"its origin isn't in allowed_origins (now: {now})",
        remedy=remedy,
        subject=origin,
    )


_UNKNOWN_HOST = (
    "this host isn't served here: the gateway answers for the host of public_url=, or for allowed_hosts=; "
    "in tests, set TIGHTBEAM_DEV=1 or allow the test client's host"
)


def unknown_host(hosts: Sequence[str], access: Access) -> Refused:
    """Refuse a request by the host that it asks for."""
    host = f'"{shown(hosts[0])}"' if len(hosts) == 1 else f"given {len(hosts)} times"
    remedy = (
        "dev mode knows this machine's names only; for other names use secrets and public_url= "
        "(`tightbeam serve --public-url https://…`)"
        if access.dev
        else "have the proxy in front pass the browser's Host on (nginx: proxy_set_header Host $host), or "
        "add the name: gateway.app(..., allowed_hosts=[…])"
    )
    return Refused(
        421,
        _UNKNOWN_HOST,
        code="host",
        cause=f"its Host is {host}, and the gateway answers for {listed(sorted(access.hosts or ()))}",
        remedy=remedy,
        subject=host,
    )


_DEV_ONLY = "dev mode answers on this machine only, and not through a proxy"


def proxied(header: str | None) -> Refused:
    """Refuse a request in dev mode that came through a proxy, or (None) from another machine."""
    cause = (
        "dev mode answers this machine only, and it came from another one"
        if header is None
        else f"dev mode answers this machine only, and it came through a proxy, which added {header}"
    )
    return Refused(
        403,
        _DEV_ONLY,
        code="dev-mode",
        cause=cause,
        remedy="use secrets instead of dev mode: token_secret=, server_key= and public_url= "
        "(`tightbeam serve --public-url https://…`), or ask the gateway itself",
        subject=header or "",
    )


def other_site() -> Refused:
    """Refuse the page of another site where only the inspector's own page asks."""
    return Refused(
        403,
        "only the inspector's own page asks for this",
        code="site",
        remedy="open the inspector itself",
    )


def unknown_key(given: str | None, access: Access) -> Refused:
    """Refuse a request without the server key, or with another one."""
    cause, remedy = "its server key isn't this gateway's", "give both the same key (TIGHTBEAM_SERVER_KEY)"
    if access.server_key is None:
        cause = "it takes the server key, and this gateway was given none"
        remedy = "give it one: server_key=, or TIGHTBEAM_SERVER_KEY"
    elif given is None:
        cause, remedy = "it shows no server key", "send it as `Authorization: Bearer KEY`; pages have none"
    return Refused(
        401,
        "Not authenticated: this takes the gateway's server key, as `Authorization: Bearer KEY`",
        code="server-key",
        cause=cause,
        remedy=remedy,
        subject=cause,
    )


_FRESH = (
    "fetch a fresh token for each connection, reconnects too, from a route of yours that calls "
    "client.realtime.token"
)


def no_token() -> Refused:
    """Refuse a reader without a token."""
    return Refused(
        401,
        "Not authenticated: there is no token, as `token=` in the query or `Authorization: Bearer TOKEN`",
        code="unauthorized",
        cause="it shows no token",
        remedy=_FRESH,
        subject="no token",
    )


def bad_token(why: str, seconds: float) -> Refused:
    """Refuse a reader whose token opens nothing here.

    Args:
        why: the text of `BadToken`; or "unknown" if the gateway has no such channel or topic.
        seconds: how long a token opens streams.
    """
    code: Code = "unauthorized"
    cause, remedy = (
        "its token doesn't say what this gateway's do",
        "make tokens with this version of Tightbeam",
    )
    if why == "ExpiredSignatureError":
        code, cause, remedy = "expired", f"its token has expired; it opens streams for {seconds:g} s", _FRESH
    elif why == "its signature":
        cause = "its token was signed with another secret, by another gateway or before the secret changed"
        remedy = (
            "give all of them the same token_secret= (TIGHTBEAM_TOKEN_SECRET); while you change it, the old "
            "one is previous_token_secret="
        )
    elif why == "ImmatureSignatureError":
        cause = "its token was issued in the future"
        remedy = "set the clocks of the machines that make and take tokens"
    elif why == "unknown":
        cause = "its token is for a channel or topic that this gateway doesn't have"
        remedy = "serve the definitions that the token was made with: gateway.app(..., channels=…)"
    elif why in ("its size or characters", "its header", "its form"):
        cause = "what it shows as a token isn't one of a Tightbeam gateway"
        remedy = "pass on `key` of what client.realtime.token returns, unchanged"
    return Refused(
        401,
        f"Not authenticated: {cause.replace('its token', 'this token')}; {remedy}",
        code=code,
        cause=cause,
        remedy=remedy,
        subject=why,
    )


def beyond_token(addresses: set[tuple[str, str]]) -> Refused:
    """Refuse a reader that wants these addresses, which its token doesn't allow."""
    channel, topic = min(addresses)
    return Refused(
        403,
        "the token isn't for that channel and topic",
        code="topic",
        cause=f'its token isn\'t for topic "{shown(topic)}" of channel "{shown(channel)}"',
        remedy="name them where the token is made: client.realtime.token(channel, topics=[…])",
        subject=f"{shown(channel)} {shown(topic)}",
    )


def too_many_topics(wanted: int, limits: Limits) -> Refused:
    """Refuse a stream that would follow more topics than one may."""
    return Refused(
        403,
        f"one stream follows at most {limits.topics} topics, and {wanted} are asked for",
        code="topics-limit",
        subject="topics",
        remedy="split them over several connections, or raise it: gateway.app(..., limits=Limits(topics=…))",
    )


def upgrade_required() -> Refused:
    """Refuse a plain request where a WebSocket would be taken."""
    return Refused(
        426,
        "connect is a WebSocket; there is /v1/realtime/sse for plain HTTP",
        cause="it began as a WebSocket and came as plain HTTP: a proxy in between doesn't pass upgrades on",
        remedy="have it do so (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
        'proxy_set_header Connection "upgrade")',
    )


def frame_too_large(limits: Limits) -> Refused:
    """End a WebSocket whose client sends a frame that is too large."""
    return Refused(
        413,
        f"a client's frame has at most {limits.client_frame:,} bytes",
        code="frame",
        remedy="readers have next to nothing to say; if yours does, raise it: Limits(client_frame=…)",
    )


def unavailable(error: TightbeamError) -> Refused:
    """Refuse a stream that needs the journal while it can't be read."""
    return Refused(
        503,
        "the gateway can't look back right now",
        code="unavailable",
        cause=f"the journal can't be read ({shown(str(error))})",
        remedy=journal_remedy(error),
        subject=type(error).__name__,
    )


def journal_remedy(error: TightbeamError) -> str:
    """Return the remedy of an error that the journal raised; empty if the client isn't entered."""
    return "look at the journal's disk, or its database server" if isinstance(error, JournalFailed) else ""


def unknown_channel(channel: str, what: str = "") -> Refused:
    """Refuse a request for a channel that isn't served; ``what`` begins the answer."""
    return Refused(
        404,
        f'{what}this gateway has no channel "{shown(channel)}"',
        code="channel",
        cause=f'there is no channel "{shown(channel)}" here',
        remedy="serve its definition: gateway.app(..., channels=…); a name has all of its parameters",
        subject=shown(channel),
    )


def unknown_topic(channel: str, topics: Sequence[str], what: str = "") -> Refused:
    """Refuse a request for topics that the channel doesn't have; ``what`` begins the answer."""
    names = ", ".join(f'"{shown(topic)}"' for topic in topics[:3])
    return Refused(
        404,
        f'{what}channel "{shown(channel)}" has no topic {names}',
        code="topic",
        cause=f'channel "{shown(channel)}" has no topic {names}',
        remedy="generate and serve the bindings again, if the definition has it",
        subject=f"{shown(channel)} {names}",
    )


def invalid_payload(error: InvalidPayload, template: str) -> Refused:
    """Refuse a message that breaks its topic's schema; issues name places, never values."""
    return Refused(
        422,
        str(error).partition("\n")[0],
        _issues(error),
        cause=f'its payload breaks the schema of topic "{error.topic}" of {template}{_place(error)}',
        remedy="publish what the definition says, or change the definition and generate again",
        subject=f"{template} {error.topic}",
    )


def invalid_event(error: InvalidPayload) -> Refused:
    """Refuse an event whose data breaks the schema that its functions have; issues name places."""
    return Refused(
        422,
        str(error).partition("\n")[0],
        _issues(error),
        kind=type(error).__name__,
        cause=f'its data breaks the schema of event "{shown(error.event)}"{_place(error)}',
        remedy="send what the definition says, or generate the sender's bindings again",
        subject=shown(error.event),
    )


def event_too_large(error: PayloadTooLarge) -> Refused:
    """Refuse an event whose data is larger than it may be."""
    return Refused(
        413,
        str(error),
        cause=f'the data of event "{shown(error.event)}" has {error.size:,} bytes, '
        f"and may have {error.limit:,}",
        remedy="send a reference to what is large, or raise it: Client(..., max_payload_bytes=…)",
        subject=shown(error.event),
    )


def _issues(error: InvalidPayload) -> list[dict[str, str]]:
    return [{"pointer": issue.pointer, "reason": issue.reason} for issue in error.issues]


def _place(error: InvalidPayload) -> str:
    first = error.issues[0] if error.issues else None
    more = len(error.issues) - 1
    return "" if first is None else f" at {shown(str(first))}" + (f" (and {more} more)" if more > 0 else "")


def payload_too_large(error: PayloadTooLarge) -> Refused:
    """Refuse a message that is larger than one may be."""
    return Refused(
        413,
        str(error),
        cause=f'its payload for topic "{error.topic}" has {error.size:,} bytes, and may have {error.limit:,}',
        remedy="publish a reference to what is large, or raise it: Client(..., max_payload_bytes=…)",
        subject=error.topic,
    )


def body_too_large(limit: int) -> Refused:
    """Refuse a request whose body is longer than the route reads."""
    return Refused(
        413,
        f"the body is over {limit:,} bytes",
        remedy="send less, or raise it: Client(..., max_payload_bytes=…)",
    )


def no_journal() -> Refused:
    """Refuse a request of the inspector, because the client isn't entered."""
    return Refused(503, "the client isn't entered: there is no journal to look at", code="unavailable")


def no_run_actions() -> Refused:
    """Refuse to change a run, because the gateway only shows them."""
    return Refused(
        403,
        "this gateway doesn't change runs: it only shows them",
        code="read-only",
        remedy="allow it: gateway.app(..., run_actions=True); or use the file, when no client has it open",
    )


def run_refusal(error: TightbeamError, status: int) -> Refused:
    """Refuse a request about a run by the error that the engine raised.

    Args:
        error: names the run, and no value.
        status: of the answer.
    """
    codes: dict[str, Code] = {"NoSuchRun": "run", "RunStateError": "state", "NotRegistered": "event"}
    name = type(error).__name__
    state = getattr(error, "state", None)
    return Refused(
        status,
        str(error),
        kind=name,
        code=codes.get(name),
        remedy=journal_remedy(error),
        subject=name,
        state=state,
    )
