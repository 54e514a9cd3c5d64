"""`python -m generator`, from a checkout: the same as `tightbeam generate`."""

import sys

from tightbeam_cli import main

sys.exit(main(["generate", *sys.argv[1:]]))
