"""The gateway's place in another application: the paths it answers, and the way back for all others.

`Mount` hands over every path below its own. The gateway answers those that belong to it and lets the
application's router go on with the rest, as if the gateway weren't mounted: redirects, 405 and 404 stay
the application's.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, NamedTuple

__all__ = ["API_PATH", "RequestPlace", "check_mounts", "misplaced", "place_of", "rest_of"]

API_PATH = "/v1/realtime"
"""Where clients look for a gateway; JavaScript's drop any path before it."""
_MOUNTABLE = frozenset({"", "/v1", API_PATH})
"""Paths at which a mount still leaves the gateway at the clients' address."""
_DEPTH = 16
"""How many applications in each other, or middlewares around one, are looked through."""


class RequestPlace(NamedTuple):
    """Where a request stands."""

    root_path: str
    """The server's; what a mount has added is taken away."""
    path: str
    """The path below it, as a client has asked for it."""
    prefix: str
    """The path of the mounts in between."""
    is_mounted: bool

    @property
    def below_mount(self) -> str:
        """Return the path that is left below the mounts."""
        return _below(self.path, self.prefix)


def place_of(scope: MutableMapping[str, Any]) -> RequestPlace:
    """Return where this request stands: Starlette's `Mount` keeps the server's root path in the scope."""
    root_path: str = scope.get("root_path", "")
    top: str = scope.get("app_root_path", root_path)
    return RequestPlace(
        top, _below(scope["path"], top), root_path.removeprefix(top).rstrip("/"), "router" in scope
    )


def _below(path: str, root_path: str) -> str:
    if not root_path or not path.startswith(root_path):
        return path
    rest = path[len(root_path) :]
    return rest if not rest or rest.startswith("/") else path


def misplaced(prefix: str) -> str:
    """Return what is wrong with a gateway mounted at this path, and the remedy."""
    return (
        f'the gateway is mounted at "{prefix}", where clients don\'t look for it: they ask for {API_PATH}/… '
        'at the root of the origin. Mount it there: app.mount("/", gateway). The other paths stay the '
        "application's."
    )


def check_mounts(application: object, gateway: object) -> None:
    """Refuse an application that has mounted the gateway only where no client finds it.

    Raises:
        ValueError: it has.
    """
    prefixes = [prefix for prefix, _, _ in _mounts(getattr(application, "router", None), gateway, "", _DEPTH)]
    if prefixes and _MOUNTABLE.isdisjoint(prefixes):
        raise ValueError(misplaced(prefixes[0]))


def rest_of(
    scope: MutableMapping[str, Any], gateway: object
) -> Callable[[Any, Any, Any], Awaitable[None]] | None:
    """Return the router that mounts the gateway, without that mount, and put the scope back to that router's.

    Returns:
        None if no router is found, as in an application that isn't Starlette's.
    """
    for _, router, mount in _mounts(scope.get("router"), gateway, "", _DEPTH):
        rest = copy.copy(router)
        rest.routes = [route for route in router.routes if route is not mount]
        scope["root_path"] = scope.get("root_path", "").removesuffix(mount.path)
        for name in ("endpoint", "route"):
            scope.pop(name, None)
        return rest.app  # type: ignore[no-any-return]  # Router's own dispatch, without its middleware, which has run
    return None


def _mounts(router: Any, gateway: object, prefix: str, depth: int) -> Iterator[tuple[str, Any, Any]]:
    """Yield the mounts of the gateway in a router and below: the whole path, the router and its route."""
    for route in getattr(router, "routes", ()) if depth else ():
        path, app = getattr(route, "path", None), getattr(route, "app", None)
        if path is None or app is None:
            continue
        for _ in range(_DEPTH):
            if app is gateway:
                yield prefix + path, router, route
            if hasattr(app, "routes"):
                yield from _mounts(getattr(app, "router", app), gateway, prefix + path, depth - 1)
                break
            if (app := getattr(app, "app", None)) is None:  # a middleware around it
                break
