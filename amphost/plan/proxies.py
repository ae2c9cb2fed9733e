"""The plan of the fault proxies: one for each device whose line the board file spoils.

Rules. Pure. A proxy runs beside the io role that it disturbs, at its priority: it may not make
anything else late. A plan that has one says so wherever it is shown.
"""

from __future__ import annotations

from amphost import timing
from amphost.plan.faults_model import FaultPlan, ProxyPlan
from amphost.spec.board import DeviceSpec
from amphost.spec.line_faults import FaultSpec

__all__ = ["fault_text", "proxy_notes", "proxy_plan"]

BITS_PER_BYTE = 10  # of a UART: start, eight, stop
INSERTED = 8
"""Random bytes in a row at most, where the file does not say."""
BOTH = ("to_host", "to_device")


def proxy_plan(
    name: str,
    device: DeviceSpec,
    *,
    port: str,
    schema_hash: int,
    cores: tuple[int, ...],
    priority: int,
) -> ProxyPlan | None:
    """Return the plan of a device's proxy; None for a line that is left alone."""
    faults = device.faults
    if faults is None:
        return None
    return ProxyPlan(
        name=f"{name}_faults",
        device=name,
        port=port,
        baud=device.baud,
        schema_hash=schema_hash,
        cores=cores,
        policy="fifo",
        priority=priority,
        seed=faults.seed,
        faults=tuple(_fault(key, one, device) for key, one in faults.inject.items()),
    )


def fault_text(fault: FaultPlan) -> str:
    """Say what a fault does, where and when, on one line."""
    parts = [fault.kind.replace("_", " ")]
    if fault.rate < 1.0:
        parts.append(f"{fault.rate:g} of {'bytes' if fault.by_byte else 'frames'}")
    if fault.ways != BOTH:
        parts.append(fault.ways[0].replace("_", " "))
    parts.append("on signal" if fault.on_signal else f"from {fault.at_ns / timing.NS_PER_S:g} s")
    if fault.for_ns:
        parts.append(f"for {fault.for_ns / timing.NS_PER_S:g} s")
    return ", ".join(parts)


def proxy_notes(proxies: tuple[ProxyPlan, ...]) -> tuple[str, ...]:
    """Say which lines are spoilt on purpose."""
    return tuple(
        f"FAULTS ARE INJECTED into the line of {one.device}, on purpose (seed {one.seed}):"
        f" {', '.join(fault.name for fault in one.faults)}; take `faults` out of the board file"
        " before this drives anything real"
        for one in proxies
    )


def _fault(name: str, fault: FaultSpec, device: DeviceSpec) -> FaultPlan:
    least_ms, most_ms = fault.delay_ms or (0.0, fault.gap_ms or 0.0)
    sizes = {
        "burst": fault.bits,
        "lose_bytes": fault.bytes or 1,
        "insert": fault.bytes or INSERTED,
        "chunk": fault.bytes or 1,
        "babble": fault.bytes_per_s or device.baud // BITS_PER_BYTE,
    }
    return FaultPlan(
        name=name,
        kind=fault.kind,
        ways=BOTH if fault.way == "both" else (fault.way,),
        rate=fault.rate,
        by_byte=fault.kind in ("flip", "burst", "lose_bytes", "insert"),
        at_ns=int(fault.at_s * timing.NS_PER_S),
        for_ns=int((fault.for_s or 0.0) * timing.NS_PER_S),
        on_signal=fault.on_signal,
        size=sizes.get(fault.kind, 0),
        least_ns=int(least_ms * timing.NS_PER_MS),
        most_ns=int(most_ms * timing.NS_PER_MS),
        foreign=fault.differs_in or "",
        baud=fault.baud or 0,
    )
