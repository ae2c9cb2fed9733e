"""The segments in which an io role tells about its lines: a tally once a second, and a tap.

Rules. Pure. Each device has three segments beside its role's own, which the role alone writes;
their names hold a dot, as no role's does. The words are those of native/include/amp/tally.h, tap.h
and said.h, which a test compares. The tally and what the firmware says are recorded, the tap is
not: `amphost link --trace` reads it.
"""

from __future__ import annotations

from amphost import clock_watch
from amphost.plan import layout
from amphost.plan.model import SegmentPlan, SignalPlan

TYPE_CHECKING = False  # the supervisor reads names here, and must not import the spec for them
if TYPE_CHECKING:
    from collections.abc import Iterator

    from amphost.plan.wiring import Wiring
    from amphost.spec.load import LoadedSpec
    from amphost.spec.model import IoRole

TALLY_DEPTH = 64
SAID_DEPTH = 64
TAP_WORDS = 13  # AMP_TAP_WORDS
TAP_DEPTH_LEAST, TAP_DEPTH_MOST = 256, 8192
TAP_S = 0.25
"""How much of a line that is full the tap holds at least."""
READ_BYTES = 16
"""What an adapter's driver brings at least, where bytes come without a pause."""

STATES = (
    ("second", "u64", "1"),
    ("interval_ns", "u64", "ns"),
    ("session", "u64", "1"),
    ("session_number", "u64", "1"),
    ("refusal", "u64", "1"),
    ("device_mode", "u64", "1"),
    ("device_reason", "u64", "1"),
    ("isolated", "u64", "1"),
    ("protocol", "u64", "1"),
    ("firmware", "u64", "1"),
    ("boot_nonce", "u64", "1"),
    ("reset_cause", "u64", "1"),
    ("schema_hash", "u64", "1"),
    ("device_baud", "u64", "1"),
    ("device_lease_us", "u64", "us"),
    ("device_state_period_us", "u64", "us"),
    ("board_0", "u64", "1"),
    ("board_1", "u64", "1"),
    ("board_2", "u64", "1"),
    ("board_3", "u64", "1"),
    ("clock_offset_ns", "i64", "ns"),
    ("clock_skew_ppb", "i64", "1"),
    ("clock_bound_ns", "u64", "ns"),
    ("load_in", "f64", "1"),
    ("load_out", "f64", "1"),
    ("command_round_trip_us", "u64", "us"),
    ("command_timeout_us", "u64", "us"),
)
COUNTS = (
    "frames_in",
    "frames_out",
    "bytes_in",
    "bytes_out",
    "bad_crc",
    "bad_cobs",
    "bad_length",
    "lost",
    "foreign",
    "repeated",
    "unexpected",
    "replaced",
    "retransmissions",
    "expired",
    "handshakes",
    "refusals",
    "losses",
    "reboots",
    "ports_lost",
    "ports_opened",
    "states",
    "actuations",
    "applied",
    "refused_values",
    "clock_refused",
)
ERRORS = ("bad_crc", "bad_cobs", "bad_length", "lost", "foreign", "repeated", "unexpected")
"""The counts that say what was wrong with what came, by kind."""
TIMES = (
    "round_trip",
    "sense_to_actuate",
    "sampled_to_received",
    "received_to_decided",
    "decided_to_written",
    "written_to_applied",
)
PARTS = TIMES[2:]
"""The parts of sense_to_actuate, one after the other, on the host's clock."""

TALLY_WORDS = (
    *STATES,
    *((name, "u64", "1") for name in COUNTS),
    *(
        word
        for name in TIMES
        for word in (
            (f"{name}_count", "u64", "1"),
            (f"{name}_min_ns", "i64", "ns"),
            (f"{name}_sum_ns", "i64", "ns"),
            (f"{name}_max_ns", "i64", "ns"),
        )
    ),
)


SAID_WORDS = (
    ("code", "u64", "1"),
    ("argument", "u64", "1"),
    ("device_us", "u64", "us"),
    ("dropped", "u64", "1"),
    ("spoilt", "u64", "1"),
    ("length", "u64", "1"),
    *((f"text_{8 * index}", "u64", "1") for index in range(6)),
)


def tally_name(device: str) -> str:
    """Name the segment that tells about a device's line once a second."""
    return f"{device}.link"


def tap_name(device: str) -> str:
    """Name the segment that has the bytes of a device's line."""
    return f"{device}.tap"


def said_name(device: str) -> str:
    """Name the segment that has what a device's firmware tells people."""
    return f"{device}.said"


def link_segments(loaded: LoadedSpec, wiring: Wiring, page_size: int) -> dict[str, SegmentPlan]:
    """Lay out the segments of every device that a role reads."""
    plans = {}
    for name, role in _io_roles(loaded):
        baud = loaded.board.devices[role.device].baud
        role_id = wiring.writers[name].role_id
        for plan in (
            tally_segment(role.device, role_id, page_size),
            tap_segment(role.device, role_id, page_size, tap_depth(baud)),
            said_segment(role.device, role_id, page_size),
        ):
            plans[plan.role] = plan
    return plans


def recorded_names(loaded: LoadedSpec) -> tuple[str, ...]:
    """Name every tally, and what every firmware says."""
    names = (tally_name, said_name)
    return tuple(name(role.device) for _, role in _io_roles(loaded) for name in names)


def tally_segment(device: str, role_id: int, page_size: int) -> SegmentPlan:
    """Lay out a tally."""
    return _segment(tally_name(device), role_id, page_size, TALLY_WORDS, TALLY_DEPTH)


def tap_segment(device: str, role_id: int, page_size: int, depth: int) -> SegmentPlan:
    """Lay out a tap."""
    words = tuple((f"bytes_{8 * index}", "u64", "1") for index in range(TAP_WORDS))
    return _segment(tap_name(device), role_id, page_size, words, depth)


def said_segment(device: str, role_id: int, page_size: int) -> SegmentPlan:
    """Lay out what a firmware says."""
    return _segment(said_name(device), role_id, page_size, SAID_WORDS, SAID_DEPTH)


def tap_depth(baud: int) -> int:
    """Return how many pieces a tap holds: a full line for a moment, both ways, in short reads."""
    bytes_per_s = 2 * baud / clock_watch.BITS_PER_BYTE_ON_WIRE
    pieces = int(bytes_per_s / READ_BYTES * TAP_S)
    return min(max(TAP_DEPTH_LEAST, 1 << max(pieces - 1, 0).bit_length()), TAP_DEPTH_MOST)


def _io_roles(loaded: LoadedSpec) -> Iterator[tuple[str, IoRole]]:
    from amphost.spec.model import IoRole  # by who has read a spec anyway

    for name, role in loaded.spec.roles.items():
        if isinstance(role, IoRole):
            yield name, role


def _segment(
    name: str, role_id: int, page_size: int, words: tuple[tuple[str, str, str], ...], depth: int
) -> SegmentPlan:
    signals = tuple(
        SignalPlan(name=word, type=kind, unit=unit, low=None, high=None)
        for word, kind, unit in words
    )
    return layout.segment(
        role=name,
        role_id=role_id,
        page_size=page_size,
        signals=signals,
        writer_period_ns=1,
        follower_periods_ns=(),
        depth=depth,
    )
