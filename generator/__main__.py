"""`python -m generator`, from a checkout: the same as `tightbeam generate`."""

import sys

from tightbeam_codegen.cli import main

sys.exit(main(["generate", *sys.argv[1:]]))
