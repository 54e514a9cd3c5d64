"""The intermediate representation to source text: Jinja2 templates, and the layout of the lines in them."""

from tightbeam_codegen.targets.python.render.printer import Printer

__all__ = ["Printer"]
