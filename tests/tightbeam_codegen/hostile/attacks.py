"""What hostile text is made of, and the careless writing of source in which it acts.

An attack that acts imports the module `canary`, which leaves a file behind. That it would act is tested too:
text that no careless generator falls for tests nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ATTACKS", "CANARY", "Attack"]

CANARY = """import builtins, pathlib
builtins.canary_fired = True
pathlib.Path(__file__).with_name("fired").touch()
Fire = type("Fire", (), {})
"""
"""The module that attacks import."""

_CALL = '__import__("canary")'
_CALL_IN_SINGLE_QUOTES = "__import__('canary')"
_UTF_7 = "+AAo-import canary+AAo-"


@dataclass(frozen=True, slots=True)
class Attack:
    """A text, and a program that runs it if `@` is replaced by it just so."""

    text: str
    careless: str | None
    """None for what hides or confuses without running."""

    def program(self) -> bytes:
        """The careless program, with the text in it."""
        assert self.careless is not None
        return self.careless.replace("@", self.text).encode()


ATTACKS: Mapping[str, Attack] = {
    # Ends of what the text stands in.
    "call": Attack(_CALL, "x = @"),
    "call in single quotes": Attack(_CALL_IN_SINGLE_QUOTES, "x = @"),
    "double quote": Attack(f'" + str({_CALL_IN_SINGLE_QUOTES}) + "', 'x = "@"'),
    "single quote": Attack(f"' + str({_CALL}) + '", "x = '@'"),
    "three double quotes": Attack('"""\nimport canary\n"""', '"""@"""'),
    "three single quotes": Attack("'''\nimport canary\n'''", "'''@'''"),
    "three quotes inside a class": Attack('"""\n    import canary\n    """', 'class X:\n    """@"""'),
    "bracket": Attack(f'"], {_CALL_IN_SINGLE_QUOTES}, ["', 'x = ["@"]'),
    "end of a list": Attack(f'x"]\n{_CALL}\ny = ["', '__all__ = ["@"]'),
    "end of a call": Attack(f'", default_factory={_CALL_IN_SINGLE_QUOTES}) or ("', 'x = dict(a="@")'),
    "backslash at the end": Attack(f" + {_CALL} # \\", "x = '@', '@'"),
    "backslash": Attack("a\\", None),
    "quote at the end": Attack('a"', None),
    "three backslashes and a quote": Attack(f'\\\\\\" + str({_CALL_IN_SINGLE_QUOTES}) + "', None),
    # Ends of a line, as Python, `str.splitlines` and editors see them.
    "line feed": Attack("a\nimport canary\n", "# @"),
    "carriage return": Attack("a\rimport canary\r", "# @"),
    "carriage return and line feed": Attack("a\r\nimport canary\r\n", "# @"),
    "form feed": Attack("a\f\nimport canary", "# @"),
    "line separator": Attack("a\u2028import canary\u2029import canary\x85import canary", None),
    "vertical tab and file separators": Attack("a\v\x1c\x1d\x1eimport canary", None),
    "indented line": Attack("a\n    import canary\n", "class X:\n    # @\n    pass"),
    "statement": Attack("a: int = 0; import canary; b", "@: int = 0"),
    "import with more": Attack("os\nimport canary\nimport sys", "import @"),
    "import of names": Attack("path\nimport canary #", "from os import @"),
    # Text that is read again: templates, formatted strings, escapes, quoted annotations.
    "formatted string": Attack("{" + _CALL_IN_SINGLE_QUOTES + "}", 'x = f"@"'),
    "template expression": Attack(
        "{{ cycler.__init__.__globals__.__builtins__.__import__('canary') }}",
        "import jinja2\njinja2.Template('''@''').render()",
    ),
    "template statement": Attack(
        "{% set x = joiner.__init__.__globals__.__builtins__.__import__('canary') %}",
        "import jinja2\njinja2.Template('''@''').render()",
    ),
    "template comment": Attack("{# a #}{% raw %}{{ a }}{%- endraw -%}", None),
    "hexadecimal escapes": Attack(
        r"\x27] and __import__(\x27canary\x27) and [\x27", "import typing\nx: int\neval(\"['@']\")"
    ),
    "named escapes": Attack(
        r"\N{APOSTROPHE}] and __import__(\N{APOSTROPHE}canary\N{APOSTROPHE}) and [\N{APOSTROPHE}",
        "eval(\"['@']\")",
    ),
    "escape that is none": Attack(r"\N{NO SUCH CHARACTER} \xzz \u12 \q", None),
    "surrogate escapes": Attack(r"\ud800\udfff \udc80", None),
    "quoted annotation": Attack(
        f'"] | {_CALL_IN_SINGLE_QUOTES} | list["',
        "import typing\nclass X:\n    a: '''list[\"@\"]'''\ntyping.get_type_hints(X)",
    ),
    "declared encoding": Attack(f"coding: utf-7 {_UTF_7}", "# @"),
    "declared encoding of an editor": Attack(f"vim: set fileencoding=utf-7 : {_UTF_7}", "# @"),
    # What doesn't show, or shows as something else.
    "nul": Attack("a\0b\nimport canary", None),
    "bidirectional controls": Attack('a\u202e\u2066# "\u2069\u2066 import canary\u202c', None),
    "zero width": Attack("a\u200b\ufeff\u00ad\u180eimport canary", None),
    "terminal": Attack("\x1b]0;x\x07\x1b[31mimport canary\x9b0m", None),
    "letters of another alphabet": Attack("ｉｍｐｏｒｔ canary; __ｉｍｐｏｒｔ__('canary')", None),
    # What generated modules, their runtime and Pydantic call their own.
    "name of a module": Attack("canary", None),
    "dotted name": Attack("canary.Fire", "import canary\nx = @"),
    "way up": Attack("../../canary", None),
    "our prefixes": Attack("v1._t._p._MISSING", None),
    "our tokens": Attack("'s0' | R0 | s1", None),
    "dunder": Attack("__init_subclass__", None),
    "hook of Pydantic": Attack("__get_pydantic_core_schema__", None),
    "attribute of a model": Attack("model_config", None),
    "slots": Attack("__slots__", None),
    "keyword": Attack("lambda: __import__", None),
    "workflow command": Attack("::error file=x::y\n::set-output name=a::b", None),
    "long": Attack(f'{"x" * 60}" + {_CALL} + "' * 3, None),
}
"""By what they do."""
