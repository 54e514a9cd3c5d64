"""A random project of definitions of channels and events, and random edits of it; always sound."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.tightbeam_codegen.schemas import STRING, ref

__all__ = ["Edit", "RandomProject"]

_WORDS = (
    *("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo"),
    *("lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor"),
    *("whiskey", "xray", "yankee", "zulu"),
)
_COLOURS = ("red", "green", "blue", "cyan", "magenta", "yellow", "black", "white")
_KEYS = ("size", "giftFor", "line-items", "3d", "kind", "class", "list", "self", "naïve", "a b", "ﬁx", "note")


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done, and whose bindings may differ: (file, topic or shared definition)."""

    words: str
    file: str
    owner: str | None
    """None where a file came or went, and where an event's schema was changed."""


class RandomProject:
    """Files of definitions by path, JSON values; `edit` changes one thing.

    Args:
        random: where choices come from.
        circles: whether definition files may refer to each other. A reference that closes a circle of files
            moves their classes into one module, and so changes how other topics spell them.
    """

    def __init__(self, random: Random, *, circles: bool) -> None:
        self._random = random
        self._circles = circles
        self._numbers = itertools.count()
        self.files: dict[str, Any] = {"common.json": {"$defs": {}}, "deep/more.json": {"$defs": {}}}
        for path in ("common.json", "deep/more.json"):
            for _ in range(2):
                self.files[path]["$defs"][self._word("S")] = self._object(0)
        for _ in range(3):
            self._add_file()
        self._add_event()

    def snapshot(self) -> dict[str, Any]:
        """The files as they are, to keep."""
        return copy.deepcopy(self.files)

    def edit(self) -> Edit:
        """Change one thing."""
        edits = [self._add_property] * 4 + [self._remove_property] * 3 + [self._change_enum] * 2
        edits += [self._add_topic, self._remove_topic, self._add_definition, self._remove_definition]
        edits += [self._describe, self._add_file, self._remove_file, self._require]
        edits += [self._add_event, self._remove_event]
        while True:
            done = self._random.choice(edits)()
            if done is not None:
                return done

    # -- what there is ---------------------------------------------------------------------------------------

    def _definitions(self) -> list[str]:
        return [path for path in self.files if path.endswith(".channel.json")]

    def _events(self) -> list[str]:
        return [path for path in self.files if path.endswith(".event.json")]

    def _owners(self) -> list[tuple[str, str | None, Any]]:
        """Every topic's and event's schema and every shared definition: (file, name, schema)."""
        found: list[tuple[str, str | None, Any]] = [
            (path, name, topic["schema"])
            for path in self._definitions()
            for name, topic in self.files[path]["topics"].items()
        ]
        found += [(path, None, self.files[path]["schema"]) for path in self._events()]
        found += [
            (path, name, schema)
            for path, value in self.files.items()
            for name, schema in value.get("$defs", {}).items()
        ]
        return found

    @staticmethod
    def _objects(schema: Any) -> Iterator[dict[str, Any]]:
        if isinstance(schema, dict):
            if "properties" in schema:
                yield schema
            for value in schema.values():
                yield from RandomProject._objects(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from RandomProject._objects(value)

    def _word(self, prefix: str) -> str:
        """A name that no other begins with, nor ends in."""
        word = self._random.choice(_WORDS)
        return f"{prefix.lower()}{next(self._numbers)}-{word}"

    # -- edits -----------------------------------------------------------------------------------------------

    def _add_property(self) -> Edit | None:
        path, owner, schema = self._random.choice(self._owners())
        objects = list(self._objects(schema))
        if not objects:
            return None
        target = self._random.choice(objects)
        name = self._random.choice([*_KEYS, f"p{next(self._numbers)}"])
        if name in target["properties"] or name == "tag":
            return None
        items = list(target["properties"].items())
        items.insert(self._random.randint(0, len(items)), (name, self._schema(1, path)))
        target["properties"] = dict(items)
        return Edit(f"add {name}", path, owner)

    def _remove_property(self) -> Edit | None:
        path, owner, schema = self._random.choice(self._owners())
        # An open object without properties is no class any more, and who refers to it says another type.
        objects = [
            o for o in self._objects(schema) if len(o["properties"]) > 1 or "additionalProperties" in o
        ]
        targets = [(o, n) for o in objects for n in o["properties"] if n != "tag"]
        if not targets:
            return None
        target, name = self._random.choice(targets)
        del target["properties"][name]
        target["required"] = [other for other in target["required"] if other != name]
        return Edit(f"remove {name}", path, owner)

    def _change_enum(self) -> Edit | None:
        path, owner, schema = self._random.choice(self._owners())
        for target in self._objects(schema):
            for name, inner in target["properties"].items():
                if "enum" in inner:
                    missing = [colour for colour in _COLOURS if colour not in inner["enum"]]
                    if missing:
                        inner["enum"].append(self._random.choice(missing))
                        return Edit(f"one more value of {name}", path, owner)
        return None

    def _require(self) -> Edit | None:
        path, owner, schema = self._random.choice(self._owners())
        targets = [(o, n) for o in self._objects(schema) for n in o["properties"] if n != "tag"]
        if not targets:
            return None
        target, name = self._random.choice(targets)
        required = set(target["required"]) ^ {name}
        target["required"] = [other for other in target["properties"] if other in required]
        return Edit(f"require {name}", path, owner)

    def _describe(self) -> Edit:
        # A topic that is nothing but a reference shows the words of what it refers to: those stay.
        path = self._random.choice(self._definitions())
        owner = self._random.choice(list(self.files[path]["topics"]))
        self.files[path]["topics"][owner]["schema"]["description"] = f"Words {next(self._numbers)}."
        return Edit("describe", path, owner)

    def _add_topic(self) -> Edit:
        path = self._random.choice(self._definitions())
        topics = list(self.files[path]["topics"].items())
        name = self._word("T")
        topics.insert(self._random.randint(0, len(topics)), (name, {"schema": self._schema(0, path)}))
        self.files[path]["topics"] = dict(topics)
        return Edit(f"add topic {name}", path, name)

    def _remove_topic(self) -> Edit | None:
        path = self._random.choice(self._definitions())
        topics = self.files[path]["topics"]
        if len(topics) < 2:
            return None
        name = self._random.choice(list(topics))
        del topics[name]
        return Edit(f"remove topic {name}", path, name)

    def _add_definition(self) -> Edit:
        path = self._random.choice(list(self.files))
        name = self._word("S")
        self.files[path].setdefault("$defs", {})[name] = self._random.choice([self._object, self._enum])(0)
        return Edit(f"add definition {name}", path, name)

    def _remove_definition(self) -> Edit | None:
        path = self._random.choice(list(self.files))
        text = str(self.files)
        unused = [name for name in self.files[path].get("$defs", {}) if f"/$defs/{name}'" not in text]
        if not unused:
            return None
        name = self._random.choice(unused)
        del self.files[path]["$defs"][name]
        return Edit(f"remove definition {name}", path, name)

    def _add_file(self) -> Edit:
        number = next(self._numbers)
        path = f"{self._random.choice(['', 'deep/', 'deep/er/', 'other/'])}f{number}.channel.json"
        self.files[path] = {"name": f"f{number}", "topics": {}, "$defs": {}}
        for _ in range(2):
            self.files[path]["$defs"][self._word("S")] = self._random.choice([self._object, self._enum])(0)
        for _ in range(self._random.randint(1, 3)):
            self.files[path]["topics"][self._word("T")] = {"schema": self._schema(0, path)}
        return Edit(f"add {path}", path, None)

    def _remove_file(self) -> Edit | None:
        paths = self._definitions()
        path = self._random.choice(paths)
        referred = [name for name in self.files[path]["$defs"] if str(self.files).count(f"$defs/{name}'") > 0]
        if len(paths) < 3 or referred:
            return None
        del self.files[path]
        return Edit(f"remove {path}", path, None)

    def _add_event(self) -> Edit:
        path = f"{self._random.choice(['', 'deep/', 'events/'])}{self._word('E')}.event.json"
        self.files[path] = {"name": path, "schema": self._object(0), "$defs": {}}
        self.files[path]["$defs"][self._word("S")] = self._random.choice([self._object, self._enum])(0)
        self.files[path]["schema"]["properties"]["shared"] = self._reference(path)
        return Edit(f"add {path}", path, None)

    def _remove_event(self) -> Edit | None:
        unused = [
            path
            for path in self._events()
            if not any(f"$defs/{name}'" in str(self.files) for name in self.files[path]["$defs"])
        ]
        if not unused:
            return None
        path = self._random.choice(unused)
        del self.files[path]
        return Edit(f"remove {path}", path, None)

    # -- schemas ---------------------------------------------------------------------------------------------

    def _schema(self, depth: int, path: str) -> dict[str, Any]:
        choices = [self._object, self._object, self._list, self._union, self._map]
        if depth:
            choices = [self._scalar, self._scalar, self._enum, self._nullable]
            choices += [self._object, self._list, self._union] if depth < 3 else []
        if self._random.random() < 0.25:
            return self._reference(path)
        return self._random.choice(choices)(depth)

    def _reference(self, path: str) -> dict[str, Any]:
        homes = [home for home, value in self.files.items() if value.get("$defs")]
        if not self._circles:
            homes = [
                home for home in homes if home == path or not home.endswith((".channel.json", ".event.json"))
            ]
        home = self._random.choice(homes)
        name = self._random.choice(list(self.files[home]["$defs"]))
        up = "../" * path.count("/")
        return ref(f"#/$defs/{name}" if home == path else f"{up}{home}#/$defs/{name}")

    def _object(self, depth: int) -> dict[str, Any]:
        names = self._random.sample(_KEYS, self._random.randint(1, 4))
        schema = {
            "type": "object",
            "properties": {name: self._inner(depth) for name in names},
            "required": [name for name in names if self._random.random() < 0.5],
        }
        return {**schema, "additionalProperties": False} if self._random.random() < 0.7 else schema

    def _inner(self, depth: int) -> dict[str, Any]:
        choices = [self._scalar, self._enum, self._nullable]
        choices += [self._object, self._list] if depth < 2 else []
        return self._random.choice(choices)(depth + 1)

    def _scalar(self, depth: int) -> dict[str, Any]:
        kinds: list[dict[str, Any]] = [STRING, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}]
        kinds += [{**STRING, "format": "date-time"}, {**STRING, "format": "uuid"}, {**STRING, "minLength": 1}]
        return dict(self._random.choice(kinds))

    def _nullable(self, depth: int) -> dict[str, Any]:
        return {"type": [self._random.choice(["string", "integer"]), "null"]}

    def _enum(self, depth: int) -> dict[str, Any]:
        return {"enum": self._random.sample(_COLOURS, self._random.randint(1, 3))}

    def _list(self, depth: int) -> dict[str, Any]:
        return {"type": "array", "items": self._inner(depth)}

    def _map(self, depth: int) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._inner(depth)}

    def _union(self, depth: int) -> dict[str, Any]:
        tags = self._random.sample(_COLOURS, self._random.randint(2, 3))
        branches = []
        for tag in tags:
            branch = self._object(depth + 1)
            branch["properties"] = {"tag": {"const": tag}, **branch["properties"]}
            branch["required"] = ["tag", *branch["required"]]
            branches.append(branch)
        return {"oneOf": branches}
