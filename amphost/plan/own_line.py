"""The plan of a line that a monitor opens by itself: an io role without a control role.

Rules. Pure. It has all that a pump needs and nothing to arm: its actuations come from a word that
nobody writes, and no act of arming ever stands in its system block. Any lease is accepted, since
nothing is held by it.
"""

from __future__ import annotations

from amphost import timing
from amphost.plan import layout
from amphost.plan.device import signal_places
from amphost.plan.layout import SUPERVISOR, SUPERVISOR_ID
from amphost.plan.line import schema_hash, schema_text, state_bytes
from amphost.plan.link_segments import (
    said_name,
    said_segment,
    tally_name,
    tally_segment,
    tap_depth,
    tap_name,
    tap_segment,
)
from amphost.plan.model import (
    AcceptPlan,
    IoPlan,
    RolePlan,
    SegmentPlan,
    SendPlan,
    SignalPlan,
)
from amphost.spec.model import DeviceSpec
from amphost.spec.positions import Positions

NAME = "monitor"
ROLE_ID = 1
PERIOD_NS = 10 * timing.NS_PER_MS
LEASE_NS = 10 * timing.NS_PER_S
FOREVER_NS = 1 << 62


def own_role(
    device: str, spec: DeviceSpec, board: str, port: str, page_size: int, where: Positions
) -> RolePlan:
    """Return the role of a monitor that opens a device's port."""
    supervisor = _segment(SUPERVISOR, SUPERVISOR_ID, ("none",), page_size)
    own = _segment(
        NAME, ROLE_ID, (*spec.sends, "device_us", "applied_count", "sampled_ns"), page_size
    )
    return RolePlan(
        system=NAME,
        name=NAME,
        role_id=ROLE_ID,
        kind="io",
        cores=(),
        policy="other",
        priority=0,
        nice=0,
        lock_memory=False,
        timer_slack_ns=1,
        rttime_us=0,
        heartbeat_ns=FOREVER_NS,
        supervisor_ns=FOREVER_NS,
        segment=own,
        reads=(supervisor,),
        control=None,
        io=_io(device, spec, board, port, where),
        telemetry=None,
        writes=(
            tally_segment(device, ROLE_ID, page_size),
            tap_segment(device, ROLE_ID, page_size, tap_depth(spec.baud)),
            said_segment(device, ROLE_ID, page_size),
        ),
    )


def _io(device: str, spec: DeviceSpec, board: str, port: str, where: Positions) -> IoPlan:
    schema = schema_text(spec)
    state_ns = timing.period_ns(spec.state_rate_hz)
    frame_bytes = state_bytes(one.type for one in spec.sends.values())
    return IoPlan(
        device=device,
        port=port,
        baud=spec.baud,
        board=board,
        schema=schema,
        schema_hash=schema_hash(schema),
        places=tuple(signal_places(where, device, spec)),
        sends=tuple(
            SendPlan(
                name=name,
                type=one.type,
                scale=one.scale,
                unit=one.unit,
                low=one.range[0],
                high=one.range[1],
            )
            for name, one in spec.sends.items()
        ),
        accepts=tuple(
            AcceptPlan(
                name=name,
                type=one.type,
                scale=one.scale,
                role=NAME,
                word=0,
                unit=one.unit,
                low=one.range[0],
                high=one.range[1],
                safe=one.safe,
                ramp_per_s=one.ramp_per_s or 0.0,
            )
            for name, one in spec.accepts.items()
        ),
        sensed_word=-1,
        period_ns=PERIOD_NS,
        send_offset_ns=0,
        state_period_ns=state_ns,
        lease_ns=LEASE_NS,
        link_lost_ns=max(timing.link_lost_ns(PERIOD_NS, state_ns), timing.NS_PER_S // 2),
        tally=tally_name(device),
        tap=tap_name(device),
        said=said_name(device),
        share_bytes=timing.share_bytes(frame_bytes, state_ns),
        share_frames=timing.share_frames(state_ns),
        parameters=(),  # who looks on sets nothing
        commands="",
    )


def _segment(name: str, role_id: int, words: tuple[str, ...], page_size: int) -> SegmentPlan:
    return layout.segment(
        role=name,
        role_id=role_id,
        page_size=page_size,
        signals=[
            SignalPlan(name=word, type="f64", unit="1", low=None, high=None) for word in words
        ],
        writer_period_ns=1,
        follower_periods_ns=(),
        depth=layout.DEPTH_MIN,
    )
