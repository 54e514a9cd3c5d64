"""Examples of payloads and of parameters: valid ones, as a person would write them."""

from tightbeam_codegen.examples.finder import Example, Examples, example_of, example_parameters, template_of

__all__ = ["Example", "Examples", "example_of", "example_parameters", "template_of"]
