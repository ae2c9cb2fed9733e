"""Every benchmark, in the order of RESULTS.md.

Rules. Pure.
"""

from __future__ import annotations

from bench.mailbox import report as mailbox
from bench.pages import Benchmark

MAILBOX = Benchmark(
    name="mailbox",
    markdown=mailbox.markdown,
    readme=mailbox.readme,
    pictures=lambda _: {},
)
ALL = (MAILBOX,)
