"""Decide whether one JSON Schema takes everything that another one allows.

`contains` answers for a topic's readers and writers. `solver` finds a value that the writer says and the
reader refuses, or proves that there is none; the validators of both sides judge what it finds.

* `answers` are what callers see; `decide` puts the rest together.
* `nodes` are schemas with their dialects and references. `publishing` and `reading` are two views of them:
  what bindings let a publisher say, and what a tolerant reader passes over.
* `translate` makes `formulas` of schemas, `evaluated` those of `unevaluatedProperties` and
  `unevaluatedItems`. `alternatives` resolves formulas to atoms that must hold together.
* `numbers`, `texts` (with `formats` and `regular`), `arrays` and `objects` find a value of which atoms hold.
  `goals` is what they ask of the solver, `outcomes` what they give.
* `evaluation` tells whether a formula holds of a value, `judging` whether a payload shows a break.
  `shrinking` makes one smaller. `candidates` are tried where the search can't tell.

A keyword is translated in `translate`. Where no atom says what it demands, a new one has its meaning in
`formulas` (with its opposite), is met by `numbers`, `texts`, `arrays` or `objects`, and is evaluated in
`evaluation`.
"""

from tightbeam_codegen.compare.containment.answers import (
    Answer,
    Contained,
    Refused,
    SchemaPlace,
    Side,
    Undecided,
)
from tightbeam_codegen.compare.containment.decide import contains, takes_all

__all__ = ["Answer", "Contained", "Refused", "SchemaPlace", "Side", "Undecided", "contains", "takes_all"]
