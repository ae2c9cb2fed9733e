"""`./dev bench --render`: RESULTS.md and the README's blocks from the kept results.

Rules. Measures nothing.
"""

from __future__ import annotations

from bench import pages
from bench.benchmarks import ALL

pages.render(ALL)
