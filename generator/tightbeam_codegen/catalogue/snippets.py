"""Code that publishes and subscribes, with the names that the bindings have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tightbeam_codegen.catalogue.literals import PYTHON, TYPESCRIPT, WIDTH, laid_out
from tightbeam_codegen.examples import Example
from tightbeam_codegen.model import ChannelModel
from tightbeam_codegen.read.check.model import ParamValue
from tightbeam_codegen.read.normalise.shapes import NamedShape
from tightbeam_codegen.read.topics import TopicShape
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.targets.python.literals import literal as python_literal
from tightbeam_codegen.targets.python.modules import exports, parameter_names
from tightbeam_codegen.targets.python.target import OUTPUT
from tightbeam_codegen.targets.typescript import ir
from tightbeam_codegen.targets.typescript.modules import channel_module
from tightbeam_codegen.targets.typescript.options import FOLDER, IMPORT_EXTENSION
from tightbeam_codegen.targets.typescript.printer import parameter_value, property_key
from tightbeam_codegen.targets.typescript.text import literal as typescript_literal

__all__ = ["Bindings", "ChannelSnippets", "bindings_of"]

Params: TypeAlias = "Mapping[str, ParamValue] | None"


@dataclass(frozen=True, slots=True)
class Bindings:
    """How code of the project finds the bindings."""

    package: str
    """What Python imports, such as `app.generated`."""
    folder: str
    """The folder of the TypeScript modules, from the file that imports them."""
    ending: str
    """Of TypeScript's imports."""


def bindings_of(settings: Settings) -> Bindings:
    """Return where the settings have the bindings written, by the names that imports use."""
    folder = settings.folder(OUTPUT) or Path("generated")
    names = [folder.name]
    for parent in folder.absolute().parents:
        if not (parent / "__init__.py").is_file():
            break
        names.insert(0, parent.name)
    web = settings.folder(FOLDER)
    extension = settings.choice(IMPORT_EXTENSION)
    ending = "" if extension == "none" else f".{extension}"
    return Bindings(".".join(names), f"./{web.name if web is not None else 'channels'}", ending)


class ChannelSnippets:
    """Snippets for the topics of one channel.

    Args:
        channel: the channel.
        topics: its topics, with exact shapes.
        named: the classes and aliases of its file, exact.
        params: valid parameters; None if none are known.
        bindings: how code finds them.
    """

    def __init__(
        self,
        channel: ChannelModel,
        topics: tuple[TopicShape, ...],
        named: list[NamedShape],
        params: Params,
        bindings: Bindings,
    ) -> None:
        self._channel = channel
        self._bindings = bindings
        self._python = _python_channel(channel, params)
        module = channel_module(channel.definition, topics, named)
        if module.channel is None:
            raise ValueError("a channel's module has a channel")
        self._web = module.channel
        self._typescript = _typescript_channel(module.channel, params)

    @property
    def python_import(self) -> str:
        """The line by which Python imports the channel."""
        module = ".".join([self._bindings.package, *self._channel.module])
        return f"from {module} import {exports(self._channel.definition)[1]}"

    @property
    def typescript_import(self) -> str:
        """The line by which TypeScript imports the channel."""
        return self._typescript_import(self._web.constant)

    # -- Python ----------------------------------------------------------------------------------------------

    def python_publish(self, topic: TopicShape, example: Example | None) -> str:
        """Return Python that publishes an example."""
        head = f"await client.realtime.publish({self._python.name}.{topic.attribute}, "
        body = "data" if example is None else laid_out(example.value, PYTHON, column=len(head) + 1)
        return f"{self.python_import}\n\n{self._python.opening}{head}{body})\n"

    def python_subscribe(self, topic: TopicShape) -> str:
        """Return Python that reads the topic's messages."""
        return (
            f"{self.python_import}\n\n"
            f"{self._python.opening}"
            f"async with client.realtime.subscribe({self._python.name}.{topic.attribute}) as messages:\n"
            "    async for message in messages:\n"
            "        print(message.data)\n"
        )

    # -- TypeScript ------------------------------------------------------------------------------------------

    def _specifier(self, path: str) -> str:
        return typescript_literal(f"{self._bindings.folder}/{path}{self._bindings.ending}")

    def _typescript_import(self, names: str) -> str:
        return f"import {{ {names} }} from {self._specifier('/'.join(self._channel.module))};"

    def typescript_subscribe(self, topic: TopicShape) -> str:
        """Return TypeScript that reads the topic's messages."""
        return (
            f"import {{ subscribe }} from {self._specifier('_subscribe')};\n"
            f"{self.typescript_import}\n\n"
            f"{self._typescript.opening}"
            f"const messages = subscribe({self._typescript.name}, {{\n"
            '  token: "/api/token",\n'
            f"  topics: [{typescript_literal(topic.name)}],\n"
            "});\n"
            "for await (const message of messages) {\n"
            "  console.log(message.data);\n"
            "}\n"
        )

    def typescript_publish(self, topic: TopicShape, example: Example | None) -> str:
        """Return TypeScript that publishes an example from a server, through a gateway."""
        type_ = next(each.type for each in self._web.topics if each.name == topic.name)
        names = self._web.constant
        stated = f"(typeof {names}.$infer)[{typescript_literal(topic.name)}]"
        if isinstance(type_, ir.Named) and not type_.name.startswith("_"):
            names, stated = f"{names}, type {type_.name}", type_.name
        head = f"const data: {stated} = "
        data = ""
        if example is not None:
            data = f"{head}{laid_out(example.value, TYPESCRIPT, column=len(head) + 1)};\n"
        return (
            f"{self._typescript_import(names)}\n\n"
            f"{data}"
            f"{self._typescript.opening}"
            "const query = new URLSearchParams({\n"
            f"  channel: {self._typescript.name}.name,\n"
            f"  topic: {typescript_literal(topic.name)},\n"
            "});\n"
            "const answer = await fetch(`${gateway}/v1/realtime/publish?${query}`, {\n"
            '  method: "POST",\n'
            "  headers: { authorization: `Bearer ${serverKey}` },\n"
            "  body: JSON.stringify(data),\n"
            "});\n"
            "if (!answer.ok) throw new Error(await answer.text());\n"
        )


@dataclass(frozen=True, slots=True)
class _Opened:
    """How code gets at a channel."""

    opening: str
    """The statement that opens it; empty where there is only one such channel."""
    name: str
    """What it is called from then on."""


def _python_channel(channel: ChannelModel, params: Params) -> _Opened:
    definition = channel.definition
    function = exports(definition)[1]
    if not definition.params:
        return _Opened("", function)
    arguments = [
        f"{py_name}={'…' if params is None else python_literal(params[name])}"
        for name, py_name in parameter_names(definition).items()
    ]
    line = f"ch = {function}({', '.join(arguments)})\n"
    if len(line) > WIDTH:
        line = f"ch = {function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")\n"
    return _Opened(line, "ch")


def _typescript_channel(channel: ir.Channel, params: Params) -> _Opened:
    if not channel.params:
        return _Opened("", channel.constant)
    values = [
        f"{property_key(param.name)}: {'…' if params is None else parameter_value(params[param.name])}"
        for param in channel.params
    ]
    line = f"const channel = {channel.constant}({{ {', '.join(values)} }});\n"
    if len(line) > WIDTH:
        inner = "".join(f"  {value},\n" for value in values)
        line = f"const channel = {channel.constant}({{\n{inner}}});\n"
    return _Opened(line, "channel")
