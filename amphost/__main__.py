"""`python -m amphost`: the command line without an installed script."""

from __future__ import annotations

import sys

from amphost.cli.main import main

sys.exit(main())
