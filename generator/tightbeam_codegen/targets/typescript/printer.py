"""The printer of TypeScript modules. Pure: equal facts give equal text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources

from tightbeam._payload.formats import FORMATS
from tightbeam_codegen.read.normalise.shapes import Rules
from tightbeam_codegen.targets.text import check_identifiers
from tightbeam_codegen.targets.typescript import ir
from tightbeam_codegen.targets.typescript.modules import module_specifier
from tightbeam_codegen.targets.typescript.text import comment, json_literal, literal

__all__ = ["TypeScriptPrinter", "parameter_value", "property_key"]

# The names of the support modules. No definition's module begins with an underscore.
_CHANNEL, _REASONS, _VALIDATORS = "_channel", "_reasons", "_validators"
_SUBSCRIBING = ("_subscribe", "_connection", "_iteration", "_stream")
_OF_VALIDATORS = (
    *("_explain", "_keywords", "_places", _REASONS, "_rings", "_undeclared", "_unions", _VALIDATORS),
)
_REACT = ("_useChannel", "_useChannels", "_received", "_follower")

_AJV = {
    4: ("Ajv4", 'import Ajv4 from "ajv-draft-04";'),
    7: ("Ajv", 'import { Ajv } from "ajv";'),
    2019: ("Ajv2019", 'import { Ajv2019 } from "ajv/dist/2019.js";'),
    2020: ("Ajv2020", 'import { Ajv2020 } from "ajv/dist/2020.js";'),
}
"""For each draft the class that validates by it, and where that is from."""

_WIDTH = 110
_LONGEST_TAG = 100
_AGAIN = "// Don't edit: `tightbeam generate` writes it again."
_LINT = "/* eslint-disable */"
# `eslint --fix` removes a directive that disables nothing, so a rule that every file breaks is turned on.
_TOOLS = """\
/* eslint no-restricted-syntax: ["error", "Program"] -- so that the first line disables something */
// biome-ignore-all lint: generated
// biome-ignore-all format: generated
// biome-ignore-all assist: generated
"""
_LEFT_ALONE = "// prettier-ignore\n"
"""Stands before each statement: Prettier has no directive for a whole file that works without a setting."""
_IMPORT_EXTENSIONS: Mapping[str, str] = {"none": "", "js": ".js", "ts": ".ts"}
_SUPPORT_IMPORT = re.compile(r'(?<=from )"(\./_\w+?)(?:\.js)?"')
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


_NO_WORDINGS = "const FORMATS: { readonly [name: string]: string } = {};\n"
"""The statement of a support module that the table of formats fills in."""


class TypeScriptPrinter:
    """Prints for one version of the tool.

    Args:
        version: of the tool, for the headers.
        import_extension: how an import names the file of another module.
    """

    def __init__(self, version: str, import_extension: str = "none") -> None:
        self._version = version
        self._ending = _IMPORT_EXTENSIONS[import_extension]

    def module(self, module: ir.Module) -> str:
        """Return the source of a module.

        Raises:
            UnsafeText: a name in it is none.
        """
        statements = [*self._imports(module), *map(_item, module.items)]
        if module.channel is not None:
            statements += [_channel(module.channel), _message(module.channel)]
        elif module.event is not None:
            statements += [_event(module.event), _sent(module.event)]
        elif not module.items:
            statements.append("export {};")
        return self._laid_out(self._head(module, module.doc), statements)

    def validators(self, validators: ir.Validators) -> str:
        """Return the source of the module that validates beside that of a channel, or of an event with data.

        Raises:
            UnsafeText: a name in it is none.
        """
        module = validators.module
        own = self._specifier(module_specifier(("",), (module.path[-1],)))
        defined = module.channel or module.event
        if defined is None:
            raise ValueError("a module of a schema document has no validators")
        name = _name(defined.constant)
        classes = ", ".join(f"{draft}: {_AJV[draft][0]}" for draft in validators.drafts)
        arguments = [json_literal(validators.schemas), f"{{ {classes} }}"]
        packages = [_AJV[draft][1] for draft in validators.drafts]
        if validators.asserts_formats:
            packages.append('import formats from "ajv-formats";')
            arguments.append("formats")
        inner = "".join(f"  {argument},\n" for argument in arguments)
        value = _checked_channel(defined) if isinstance(defined, ir.Channel) else _checked_event(defined)
        statements = [
            *packages,
            *([self._import_of_support(module, "* as tightbeam", _CHANNEL)] if module.channel else []),
            self._import_of_support(module, "{ Validators }", _VALIDATORS),
            f"import {{ {name} as unchecked }} from {own};",
            f"export * from {own};",
            f"const validators = new Validators(\n{inner});",
            f"{_doc(defined.doc)}export const {name}: typeof unchecked = {value};",
        ]
        return self._laid_out(self._head(module, ""), statements)

    def support(self, *, validators: bool, react: bool = False) -> dict[str, str]:
        """Return the modules that belong to no definition, by path.

        Args:
            validators: whether those are among them that validate.
            react: whether the hooks for React are among them.
        """
        folder = resources.files("tightbeam_codegen.targets.typescript") / "support"
        head = f"{_LINT}\n// @generated by tightbeam {self._version}.\n{_AGAIN}\n{_TOOLS}"
        names = [_CHANNEL, *_SUBSCRIBING, *(_REACT if react else ())]
        names += _OF_VALIDATORS if validators else ()
        texts = {name: (folder / f"{name[1:]}.ts").read_text("utf-8") for name in names}
        if validators:
            texts[_REASONS] = texts[_REASONS].replace(_NO_WORDINGS, _wordings())
        return {f"{name}.ts": f"{head}\n{self._as_support(text)}" for name, text in texts.items()}

    def _as_support(self, text: str) -> str:
        """Return a support module's text with the import ending of the settings, and marked for Prettier."""
        lines: list[str] = []
        is_after_comment = False
        for line in _SUPPORT_IMPORT.sub(lambda match: self._specifier(match[1]), text).splitlines(
            keepends=True
        ):
            # Only the first line of a statement, or of the comment before it, isn't indented.
            if (line[0].isalpha() or line.startswith("/")) and not is_after_comment:
                lines.append(_LEFT_ALONE)
            lines.append(line)
            is_after_comment = line.startswith(("/", " *"))
        return "".join(lines)

    def _head(self, module: ir.Module, doc: str) -> str:
        source = " ".join(comment(module.source, width=10_000))
        return (
            f"{_LINT}\n"
            f"// @generated by tightbeam {self._version} from {source} (sha256:{module.digest[:16]}).\n"
            f"// Don't edit: change the definition and run `tightbeam generate`.\n{_TOOLS}{_doc(doc)}"
        )

    def _laid_out(self, head: str, statements: Iterable[str]) -> str:
        blocks = "\n".join(f"{_LEFT_ALONE}{statement}\n" for statement in statements)
        return f"{head}\n{blocks}"

    def _imports(self, module: ir.Module) -> Iterator[str]:
        if module.channel is not None or (module.event is not None and module.event.data is not None):
            # A namespace, since a payload may have the name of any export.
            yield self._import_of_support(module, "* as tightbeam", _CHANNEL)
        for each in module.imports:
            names = [f"{_name(name)} as {_name(here)}" for name, here in each.names]
            yield f"import type {_braced(names)} from {self._specifier(each.module)};"

    def _import_of_support(self, module: ir.Module, what: str, support: str) -> str:
        return f"import {what} from {self._specifier(module_specifier(module.path, (support,)))};"

    def _specifier(self, path: str) -> str:
        return literal(f"{path}{self._ending}")


# -- declarations --------------------------------------------------------------------------------------------


def _braced(names: list[str]) -> str:
    flat = f"{{ {', '.join(names)} }}"
    if len(flat) <= _WIDTH - 40:
        return flat
    return "{\n" + "".join(f"  {name},\n" for name in names) + "}"


def _item(item: ir.Item) -> str:
    if isinstance(item, ir.AliasType):
        return (
            f"{_doc(item.doc, rules=item.rules)}export type {_name(item.name)} ={_after_equals(item.type)};"
        )
    lines = [line for each in item.properties for line in _property(each)]
    if not item.closed:
        lines.append("  [key: string]: unknown;")
    elif not lines:
        # `{}` would be anything but null.
        lines.append("  [key: string]: never;")
    head = f"{_doc(item.doc, rules=item.rules)}export type {_name(item.name)}"
    return f"{head} = {{\n" + "\n".join(lines) + "\n};"


def _after_equals(type_: ir.Type) -> str:
    flat = f" {_type(type_)}"
    if len(flat) <= 70 or not isinstance(type_, ir.OneOf):
        return flat
    return "".join(f"\n  | {_operand(branch)}" for branch in type_.branches)


def _property(each: ir.Property) -> Iterator[str]:
    if doc := _doc(each.doc, "  ", each.rules):
        yield doc.rstrip("\n")
    head = f"  {_key(each.name)}{'?' if each.optional else ''}:"
    flat = f"{head} {_type(each.type)};"
    if len(flat) <= _WIDTH or not isinstance(each.type, ir.OneOf):
        yield flat
        return
    yield head
    *others, last = each.type.branches
    yield from (f"    | {_operand(branch)}" for branch in others)
    yield f"    | {_operand(last)};"


def _channel(channel: ir.Channel) -> str:
    """Print a channel with an explicit type, as `isolatedDeclarations` needs it."""
    head = f"{_doc(channel.doc)}export const {_name(channel.constant)}: {_channel_type(channel)}"
    naming = f"(params) => {_name_call(channel)}" if channel.params else literal(channel.template)
    lines = [f"{head} = tightbeam.channel({{", f"  name: {naming},", "  topics: {"]
    for topic in channel.topics:
        config = f"{{ schema: tightbeam.payload<{_type(topic.type)}>() }}"
        lines.append(f"    {property_key(topic.name)}: {config},")
    lines += ["  },", "});"]
    return "\n".join(lines)


def _channel_type(channel: ir.Channel) -> str:
    params = [(_key(p.name), _param_type(p), _doc(p.doc, "    ", p.rules)) for p in channel.params]
    payloads = _members((_key(t.name), _type(t.type), _doc(t.doc, "    ")) for t in channel.topics)
    if params:
        return f"tightbeam.ChannelDef<\n  {_members(params)},\n  {payloads}\n>"
    return f"tightbeam.FixedChannel<\n  {literal(channel.template)},\n  {payloads}\n>"


def _members(members: Iterable[tuple[str, str, str]]) -> str:
    """Print an object type over several lines, of keys, types and the comments before them."""
    lines = [f"{doc}    {key}: {type_};\n" for key, type_, doc in members]
    return f"{{\n{''.join(lines)}  }}"


def _message(channel: ir.Channel) -> str:
    doc = "/** A message of the channel, told apart by `topic`. */"
    return (
        f"{doc}\nexport type {_name(channel.message)} = tightbeam.Message<typeof {_name(channel.constant)}>;"
    )


def _checked_channel(channel: ir.Channel) -> str:
    """Print the channel whose schemas check."""
    naming = "unchecked.name"
    if channel.params:
        naming = "(params: typeof unchecked.$params) => validators.name(params, unchecked(params).name)"
    return f"tightbeam.channel({{\n  name: {naming},\n  topics: validators.topics(unchecked.topics),\n}})"


def _event(event: ir.Event) -> str:
    """Print an event with an explicit type, as `isolatedDeclarations` needs it."""
    name = literal(event.name)
    types, values = [f"readonly name: {name};"], [f"name: {name},"]
    if event.data is not None:
        types.append(f"readonly schema: tightbeam.PayloadSchema<{_type(event.data)}>;")
        values.append(f"schema: tightbeam.payload<{_type(event.data)}>(),")
    head = f"{_doc(event.doc)}export const {_name(event.constant)}: "
    return f"{head}{_block(types)} = {_block(values)};"


def _checked_event(event: ir.Event) -> str:
    """Print the event whose schema checks."""
    key = property_key(event.name)
    schema = f"validators.topics({{ {key}: unchecked }})[{literal(event.name)}].schema"
    return _block(["name: unchecked.name,", f"schema: {schema},"])


def _sent(event: ir.Event) -> str:
    lines = [f"name: {literal(event.name)};"]
    if event.data is not None:
        lines.append(f"data: {_type(event.data)};")
    doc = "/** The event as it is sent. */"
    return f"{doc}\nexport type {_name(event.type_name)} = {_block(lines)};"


def _block(lines: Iterable[str]) -> str:
    """Print lines in braces."""
    return "{\n" + "".join(f"  {line}\n" for line in lines) + "}"


def _name_call(channel: ir.Channel) -> str:
    rules = [f"{property_key(param.name)}: {_param_rule(param)}" for param in channel.params]
    head = [literal(channel.template), literal(channel.separator)]
    flat = f"tightbeam.channelName({head[0]}, {head[1]}, {{ {', '.join(rules)} }}, params)"
    if len(flat) <= _WIDTH - 10:
        return flat
    inner = "".join(f"      {rule},\n" for rule in rules)
    return f"tightbeam.channelName(\n    {head[0]},\n    {head[1]},\n    {{\n{inner}    }},\n    params,\n  )"


def _param_type(param: ir.Param) -> str:
    if param.values is not None:
        # A number beyond 2^53 isn't the integer that was written: such a one is given as a bigint.
        return " | ".join(map(parameter_value, param.values))
    return {"string": "string", "integer": "number | bigint", "boolean": "boolean"}[param.kind]


def _param_rule(param: ir.Param) -> str:
    if param.values is not None:
        return f"[{', '.join(map(parameter_value, param.values))}]"
    return literal(param.kind)


def parameter_value(value: str | int | bool) -> str:
    """Return a parameter's value as source; a bigint where a number would be another integer."""
    too_large = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53
    return f"{value}n" if too_large else literal(value)


# -- types ---------------------------------------------------------------------------------------------------


def _type(type_: ir.Type) -> str:
    match type_:
        case ir.Keyword(word):
            return word
        case ir.Constant(value):
            return literal(value)
        case ir.Named(name):
            return _name(name)
        case ir.ArrayOf(item):
            return f"{_operand(item)}[]"
        case ir.TupleOf(prefix, required, rest):
            parts = [_operand(each) + ("?" if index >= required else "") for index, each in enumerate(prefix)]
            parts += [f"...{_operand(rest)}[]"] if rest is not None else []
            return f"[{', '.join(parts)}]"
        case ir.MapOf(value):
            # Not `Record`: a payload may be called that, and an alias may contain itself here.
            return f"{{ [key: string]: {_type(value)} }}"
        case ir.OneOf(branches):
            return " | ".join(map(_operand, branches))


def _operand(type_: ir.Type) -> str:
    return f"({_type(type_)})" if isinstance(type_, ir.OneOf) else _type(type_)


# -- words ---------------------------------------------------------------------------------------------------


def _name(name: str) -> str:
    """Return an identifier as it is: the last check of what goes into source unescaped."""
    check_identifiers([name])
    return name


def _wordings() -> str:
    """Return the statement that has the words for each format."""
    rows = (f"  {_key(row.name)}: {literal(row.wording)},\n" for row in FORMATS.values() if row.wording)
    return _NO_WORDINGS.replace("{}", "{\n" + "".join(rows) + "}")


def _key(name: str) -> str:
    """Return a property's name as a type has it."""
    return name if _PLAIN_KEY.fullmatch(name) else literal(name)


def property_key(name: str) -> str:
    """Return a property's name as an object has it: `__proto__` would set what the object inherits from."""
    return f"[{literal(name)}]" if name == "__proto__" else _key(name)


def _doc(text: str, indent: str = "", rules: Rules = ()) -> str:
    """Print a TSDoc comment; nothing without a text and rules.

    Args:
        text: the description.
        indent: before each line.
        rules: of the schema; each becomes a tag.
    """
    lines = list(comment(text))
    tags = [tag for keyword, value in rules if (tag := _tag(keyword, value))]
    lines += ["", *tags] if lines and tags else tags
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    inner = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{inner}{indent} */\n"


def _tag(keyword: str, value: str | int | float | bool) -> str:
    """Print a rule as a tag, as tools spell it that read schemas from types; nothing for long texts."""
    if value is True:
        return f"@{keyword}"
    text = value if isinstance(value, str) else json.dumps(value)
    lines = comment(text, width=10_000)
    is_short = len(lines) == 1 and len(lines[0]) <= _LONGEST_TAG and "\n" not in text
    return f"@{keyword} {lines[0]}" if is_short else ""
