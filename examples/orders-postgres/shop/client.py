"""The client that all processes of the shop make: the same address, and two roles."""

from __future__ import annotations

import os
from datetime import timedelta

import tightbeam
from shop.database import ADDRESS

client = tightbeam.Client(
    ADDRESS,
    run_functions=os.environ.get("EXAMPLE_ROLE") == "worker",
    lease=timedelta(seconds=3),  # a dead worker's runs go on elsewhere after this
)
