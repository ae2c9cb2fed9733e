"""`python -I -m amphost.roles NAME --plan-fd N`: see `roles.entry`."""

from __future__ import annotations

import sys

from amphost.roles.entry import main

sys.exit(main(sys.argv[1:]))
