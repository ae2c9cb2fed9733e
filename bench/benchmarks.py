"""Every benchmark, in the order of RESULTS.md.

Rules. Pure.
"""

from __future__ import annotations

from bench.link import report as link
from bench.loop import report as loop
from bench.mailbox import report as mailbox
from bench.pages import Benchmark
from bench.start import report as start

MAILBOX = Benchmark(
    name="mailbox",
    markdown=mailbox.markdown,
    readme=mailbox.readme,
    pictures=lambda _: {},
)
LOOP = Benchmark(
    name="loop",
    markdown=loop.markdown,
    readme=loop.readme,
    pictures=loop.pictures,
)
START = Benchmark(
    name="start",
    markdown=start.markdown,
    readme=start.readme,
    pictures=lambda _: {},
)
LINK = Benchmark(
    name="link",
    markdown=link.markdown,
    readme=link.readme,
    pictures=lambda _: {},
)
ALL = (MAILBOX, LOOP, LINK, START)
