"""What is measured: one job is one candidate in one mode with one payload.

Rules. Pure: values and the commands that they stand for; nothing is run here. Every candidate of a
group has the same counts, so that nobody is measured longer than another of its kind. The payload
of ours is 40 bytes where that of others is 64: with its 24 bytes of number, time and mark it fills
the same one cache line. The row `64 B` of ours carries as much as the others do, in two lines.
Every ring has 1024 places, as many as a queue has in earnest; the rows `64 places` show one that
the first cache holds.
"""

from __future__ import annotations

from dataclasses import dataclass

ONEWAY, STREAM, BATCH, BACKLOG = "oneway", "stream", "batch", "backlog"
C, PYTHON, C_PYTHON = "C to C", "Python to Python", "C to Python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One candidate in one mode.

    Synchronization: none required, immutable.
    """

    key: str  # what ratios name it by
    label: str
    group: str  # C, PYTHON or C_PYTHON
    mode: str
    payload: str
    program: str  # a file of build/bench/c, or a class of python/
    arguments: tuple[str, ...]
    count: int
    defines: tuple[str, ...] = ()  # of a C program
    source: str = ""
    peer: str = ""  # the package that it needs; "" for what is always here
    is_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One C source in one configuration.

    Synchronization: none required, immutable.
    """

    key: str
    label: str
    source: str
    defines: tuple[str, ...] = ()
    streams: bool = True
    pings: bool = True
    peer: str = ""


def _ours(
    key: str, label: str, way: int, *, words: int, streams: bool = True, depth: int = 0
) -> Candidate:
    defines = (f"WAY={way}", f"WORDS={words}", *(("PACED",) if way == 0 else ()))
    return Candidate(
        key=key,
        label=label,
        source="channel.c",
        defines=(*defines, f"DEPTH={depth}") if depth else defines,
        streams=streams,
    )


LINE = (
    Candidate(
        key="c.line",
        label="raw cache line (the limit)",
        source="line.c",
        defines=("WORDS=1",),
        streams=False,
    ),
    Candidate(
        key="c.lines",
        label="raw cache lines, 1024 in turn (the limit of a ring)",
        source="line.c",
        defines=("WORDS=1", "LINES=1024"),
        streams=False,
    ),
    _ours("c.ours", "**amphost channel, cursor**, 40 B", 0, words=5),
    _ours("c.ours64", "**amphost channel, cursor**, 64 B, two lines", 0, words=8),
    _ours("c.latest", "**amphost cell, newest value**, 40 B", 1, words=5, streams=False, depth=4),
    _ours("c.queue", "**amphost queue**, 40 B", 2, words=5),
    Candidate(key="c.spsc", label="textbook SPSC ring, cached indices", source="spsc.c"),
    Candidate(key="c.seqlock", label="plain seqlock", source="seqlock.c", streams=False),
    Candidate(
        key="c.boost",
        label="boost::lockfree::spsc_queue",
        source="boost_spsc.cpp",
        peer="libboost-dev",
    ),
    Candidate(key="c.ck", label="ck_ring", source="ck_ring.c", peer="libck-dev"),
)
KIB = tuple(
    Candidate(
        key=one.key.replace("c.", "c1k."),
        label=one.label.replace(", 40 B", ""),
        source=one.source,
        defines=(*(d for d in one.defines if not d.startswith("WORDS")), "WORDS=128", "DEPTH=64"),
        streams=one.streams,
        peer=one.peer,
    )
    for one in LINE
    if one.key not in ("c.line", "c.lines", "c.ours64", "c.latest")
)
SHALLOW = tuple(
    Candidate(
        key=one.key.replace("c.", "c64."),
        label=f"{one.label}, 64 places",
        source=one.source,
        defines=(*one.defines, "DEPTH=64"),
        streams=False,
        peer=one.peer,
    )
    for one in LINE
    if one.key in ("c.ours", "c.queue", "c.spsc", "c.boost", "c.ck")
)
DEPTHS = (
    Candidate(
        key="c64.lines",
        label="raw cache lines, 64 in turn",
        source="line.c",
        defines=("WORDS=1", "LINES=64"),
        streams=False,
    ),
    _ours(
        "c4.ours", "**amphost channel, cursor**, 40 B, 4 places", 0, words=5, streams=False, depth=4
    ),
)
BATCHES = tuple(
    Candidate(
        key=f"{key}{size}",
        label=f"{label} in batches of {size}",
        source=source,
        defines=(f"BATCH={size}", "WORDS=8", "DEPTH=64", *defines),
        pings=False,
        peer=peer,
    )
    for size in (8, 32, 128)
    for key, label, source, defines, peer in (
        ("c.batch", "**amphost channel**, 64 B", "channel.c", ("PACED",), ""),
        ("c.spscbatch", "textbook SPSC ring", "spsc.c", (), ""),
        ("c.boostbatch", "boost push and pop of many", "boost_spsc.cpp", (), "libboost-dev"),
    )
)
READERS = tuple(
    Job(
        key=f"c.readers{readers}",
        label=f"**amphost** publish with {readers} reader{'s' * (readers > 1)} of the newest value",
        group=C,
        mode="publish",
        payload="40 B",
        program="readers",
        source="readers.c",
        arguments=(str(readers),),
        count=200_000,
        is_ours=True,
    )
    for readers in (1, 4)
)

WAKES = tuple(
    Job(
        key=key,
        label=label,
        group=C,
        mode="wake",
        payload="8 B",
        program=program,
        source="futex.c",
        defines=defines,
        arguments=(),
        count=500,
        is_ours=bool(defines),
    )
    for key, label, program, defines in (
        ("c.futex", "raw futex wake (the limit)", "futex", ()),
        ("c.wait", "**amphost** wait and wake", "wait", ("WAIT",)),
    )
)

# class of python/, label, package, bytes of payload, round trips: what blocks takes a hundred times
# as long and gets a tenth of them
PYTHON_PEERS = (
    ("Ours", "**amphost** put and take, 40 B", "", 40, 10_000),
    ("Values", "**amphost** publish and next: five floats", "", 40, 10_000),
    ("PerCall", "**amphost** through plain cffi, 40 B", "", 40, 10_000),
    ("Cloudtoid", "cloudtoid-interprocess", "cloudtoid-interprocess", 64, 10_000),
    ("Kickmsg", "kickmsg", "kickmsg", 64, 10_000),
    ("Iceoryx2", "iceoryx2", "iceoryx2", 64, 5_000),
    ("Zmq", "pyzmq PUSH/PULL, ipc", "pyzmq", 64, 1_000),
    ("Queue", "multiprocessing.Queue", "", 64, 1_000),
    ("Pipe", "multiprocessing.Pipe", "", 64, 1_000),
    ("FasterFifo", "faster-fifo", "faster-fifo", 64, 1_000),
    ("OsPipe", "os.pipe", "", 64, 1_000),
    ("UnixSocket", "Unix socket", "", 64, 1_000),
)
OURS_IN_PYTHON = ("Ours", "Values", "PerCall", "OursParcel", "OursMany")
# class, label, package, batches of 128
PYTHON_BATCHES = (
    ("OursMany", "**amphost** put_many of 128 one-line messages, drain into numpy", "", 5_000),
    ("CloudtoidBatch", "cloudtoid-interprocess try_send_batch", "cloudtoid-interprocess", 200),
    ("FasterFifoBatch", "faster-fifo put_many, get_many", "faster-fifo", 200),
    ("ZmqBatch", "pyzmq, messages of 128 parts", "pyzmq", 200),
)
PYTHON_PARCELS = (
    ("OursParcel", "**amphost** 128 messages in one publication, drain into numpy", "", 10_000),
    ("CloudtoidParcel", "one 8 KiB message: cloudtoid", "cloudtoid-interprocess", 3_000),
    ("KickmsgParcel", "one 8 KiB message: kickmsg", "kickmsg", 3_000),
    ("Iceoryx2Parcel", "one 8 KiB message: iceoryx2", "iceoryx2", 3_000),
    ("OsPipeParcel", "one 8 KiB message: os.pipe", "", 1_000),
    ("UnixSocketParcel", "one 8 KiB message: Unix socket", "", 1_000),
)
# transport of c/to_python.c, label
C_TO_PYTHON = (
    ("channel", "**amphost** publish in C, take in Python, 40 B"),
    ("pipe", "pipe"),
    ("socket", "Unix socket"),
)
KIB_IN_PYTHON = ("Ours", "Cloudtoid", "Kickmsg", "Iceoryx2", "OsPipe", "UnixSocket")


def _c_jobs(candidate: Candidate, payload: str, count: int, streamed: int) -> list[Job]:
    jobs = []
    for mode, wanted, number in (
        (ONEWAY, candidate.pings, count),
        (STREAM, candidate.streams, streamed),
    ):
        if wanted:
            job = Job(
                key=candidate.key,
                label=candidate.label,
                group=C,
                mode=mode,
                payload=payload,
                program=f"{candidate.key.replace('.', '_')}_{mode}",
                source=candidate.source,
                defines=_with_depth(candidate.defines),
                arguments=(mode,),
                count=number,
                peer=candidate.peer,
                is_ours=candidate.source == "channel.c",
            )
            jobs.append(job)
    return jobs


def _with_depth(defines: tuple[str, ...]) -> tuple[str, ...]:
    if any(one.startswith("DEPTH=") for one in defines):
        return defines
    return (*defines, "DEPTH=1024")


def _python_jobs() -> list[Job]:
    jobs = []
    for name, label, peer, size, count in PYTHON_PEERS:
        for mode, number in ((ONEWAY, count), (STREAM, count * 4)):
            jobs.append(_python(name, label, peer, mode, f"{size} B", size, number))
            if name in KIB_IN_PYTHON and mode == ONEWAY:
                kib = label.replace(", 40 B", "")
                jobs.append(_python(name, kib, peer, mode, "1 KiB", 1024, number // 2))
    for name, label, peer, _ in PYTHON_BATCHES:
        text = f"{label}: a backlog of 8 192"
        times = 40 if name in OURS_IN_PYTHON else 10
        jobs.append(_python(name, text, peer, BACKLOG, "64 B", 64, times))
    for name, label, peer, count in (*PYTHON_BATCHES, *PYTHON_PARCELS):
        jobs.append(_python(name, label, peer, BATCH, "128 x 64 B", 64, count))
    return jobs


def _python(name: str, label: str, peer: str, mode: str, payload: str, size: int, n: int) -> Job:
    prefix = "py1k" if payload == "1 KiB" else "py"
    return Job(
        key=f"{prefix}.{name}",
        label=label,
        group=PYTHON,
        mode=mode,
        payload=payload,
        program=name,
        arguments=(mode, str(size)),
        count=n,
        peer=peer,
        is_ours=name in OURS_IN_PYTHON,
    )


def _mixed_jobs() -> list[Job]:
    jobs = []
    for transport, label in C_TO_PYTHON:
        ours = transport == "channel"
        times = 10 if ours else 1
        modes = [(ONEWAY, 1_000 * times), (STREAM, 4_000 * times)]
        if ours:
            modes += [(BATCH, 2_000_000), (BACKLOG, 100)]
        for mode, count in modes:
            text = label if mode in (ONEWAY, STREAM) else _DRAINS[mode]
            job = Job(
                key=f"mixed.{transport}",
                label=text,
                group=C_PYTHON,
                mode=mode,
                payload="40 B" if ours else "64 B",
                program=transport,
                source="to_python.c",
                arguments=(mode,),
                count=count,
                is_ours=ours,
            )
            jobs.append(job)
    return jobs


_DRAINS = {
    BATCH: "**amphost** single publications in C, drain into numpy",
    BACKLOG: "**amphost** drain of a backlog of 8 192 single publications",
}


def all_jobs() -> list[Job]:
    """List every job of a full run, in the order of the report."""
    jobs: list[Job] = []
    for one in LINE:
        jobs += _c_jobs(one, "64 B", 20_000, 400_000)
    for one in (*SHALLOW, *DEPTHS):
        jobs += _c_jobs(one, "64 B", 20_000, 0)
    for one in BATCHES:
        jobs += _c_jobs(one, "64 B", 0, 2_560_000 // int(one.defines[0].split("=")[1]))
    for one in KIB:
        jobs += _c_jobs(one, "1 KiB", 10_000, 100_000)
    return [*jobs, *READERS, *WAKES, *_mixed_jobs(), *_python_jobs()]
