"""The command `generate` for typer: its own options, and those of all targets."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tightbeam_codegen.command.request import Request
from tightbeam_codegen.settings import Option
from tightbeam_codegen.targets import OPTIONS

__all__ = ["SCHEMAS", "add_generate"]

SCHEMAS = Annotated[
    Path | None,
    typer.Argument(help="The folder of definitions. [default: from pyproject.toml, else schemas]"),
]


def add_generate(app: typer.Typer) -> None:
    """Add `generate` to a command line."""

    def generate(
        schemas: SCHEMAS = None,
        check: Annotated[
            bool,
            typer.Option(
                "--check", help="Write nothing; print what would change, and exit with 1 if anything."
            ),
        ] = False,
        watch: Annotated[
            bool, typer.Option("--watch", help="Generate again whenever a definition changes.")
        ] = False,
        strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
        tracked: Annotated[
            bool,
            typer.Option("--tracked", help="Exit with 1 if git doesn't track a generated file, too."),
        ] = False,
        form: Annotated[
            Literal["text", "github", "json"], typer.Option("--format", help="How problems are printed.")
        ] = "text",
        **options: Any,
    ) -> None:
        """Turn definitions into Python bindings, and into TypeScript ones if asked to."""
        from tightbeam_codegen.command.generate import run_generate, run_watch

        stated = {key: value for key, value in options.items() if value not in (None, False)}
        request = Request(schemas, stated, check=check, strict=strict, tracked=tracked, form=form)
        if watch and (check or form == "json"):
            other = "--check" if check else "--format json"
            raise typer.BadParameter(f"--watch and {other} can't be used together")
        raise typer.Exit(run_watch(request) if watch else run_generate(request))

    signature = inspect.signature(generate, eval_str=True)
    schemas, *own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters = [schemas, *map(_parameter, OPTIONS), *own]
    generate.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by typer
    generate.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    app.command()(generate)


def _parameter(option: Option) -> inspect.Parameter:
    """Return an option of a target as a parameter of the command, None or False where it isn't given."""
    kind: Any = bool
    if option.kind == "folder":
        kind = Path | None
    elif option.kind == "choice":
        choice: Any = Literal[option.choices]
        kind = choice | None
    names = (option.name, option.short) if option.short else (option.name,)
    return inspect.Parameter(
        option.key,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=False if option.kind == "flag" else None,
        annotation=Annotated[kind, typer.Option(*names, help=option.help)],
    )
