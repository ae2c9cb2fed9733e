"""The plan of a device: the io role at the host's end of its link, and its twin on this host.

Rules. Pure. Values stand in wire order, which is the board file's. The host relies on the lease
that stands here and the device reports its own: a longer one is refused in the handshake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from amphost import timing
from amphost.firmware.library import library_folder
from amphost.plan.code import code_plan
from amphost.plan.follow import io_follow
from amphost.plan.line import schema_hash, schema_text, state_bytes
from amphost.plan.link_segments import said_name, tally_name, tap_name
from amphost.plan.model import (
    AcceptPlan,
    CodePlan,
    DevicePlan,
    EmulatorPlan,
    IoPlan,
    ParameterPlan,
    PlantPlan,
    SendPlan,
    SensorPlan,
)
from amphost.plan.supervision import commands_name
from amphost.plan.wiring import SENSED, Wiring, device_of, frame_period_ns
from amphost.port_address import with_settings
from amphost.spec.load import LoadedSpec
from amphost.spec.model import DeviceSpec, IoRole, LoopbackSpec
from amphost.spec.positions import Positions, file_name


def io_plan(
    loaded: LoadedSpec, wiring: Wiring, name: str, floor_ns: int, send_offset_ns: int
) -> IoPlan:
    """Decide everything about an io role but where it runs."""
    role = loaded.spec.roles[name]
    assert isinstance(role, IoRole)
    device = device_of(loaded, role)
    schema = schema_text(device)
    frame_ns = frame_period_ns(loaded, wiring, role)
    state_ns = timing.period_ns(device.state_rate_hz)
    accepts = _accepts(wiring, role, device)
    return IoPlan(
        device=role.device,
        port=with_settings(device.address, device.dtr, device.rts) if device.address else "",
        baud=device.baud,
        board=loaded.board.name,
        schema=schema,
        schema_hash=schema_hash(schema),
        places=tuple(signal_places(loaded.board_where, role.device, device)),
        sends=_sends(device),
        accepts=accepts,
        sensed_word=wiring.writers[accepts[0].role].word(SENSED) if accepts else -1,
        period_ns=frame_ns,
        send_offset_ns=send_offset_ns,
        state_period_ns=state_ns,
        lease_ns=_lease_ns(device, frame_ns, floor_ns),
        link_lost_ns=_emulated_ns(device, timing.link_lost_ns(frame_ns, state_ns)),
        emulated=device.emulator is not None,
        tally=tally_name(role.device),
        tap=tap_name(role.device),
        said=said_name(role.device),
        share_bytes=timing.share_bytes(
            state_bytes(one.type for one in device.sends.values()), state_ns
        ),
        share_frames=timing.share_frames(state_ns),
        parameters=_parameters(device),
        commands=commands_name(name) if device.parameters else "",
        follow=io_follow(loaded, wiring, role, send_offset_ns),
    )


def device_plan(
    loaded: LoadedSpec, io: IoPlan, *, cores: tuple[int, ...], priority: int
) -> DevicePlan:
    """Return the loopback twin of the device behind `io`."""
    loopback = loaded.board.devices[io.device].loopback
    assert loopback is not None
    return DevicePlan(
        name=io.device,
        board=io.board,
        cores=cores,
        policy="fifo",
        priority=priority,
        baud=io.baud,
        schema=io.schema,
        schema_hash=io.schema_hash,
        sends=io.sends,
        accepts=io.accepts,
        lease_us=io.lease_ns // 1000,
        state_period_us=io.state_period_ns // 1000,
        skew_ppm=loopback.skew_ppm,
        plant=_plant(loopback, code_plan(loaded, "devices", io.device)),
        parameters=io.parameters,
    )


def emulator_plan(loaded: LoadedSpec, io: IoPlan, cores: tuple[int, ...]) -> EmulatorPlan:
    """Return the emulated microcontroller of the device behind `io`."""
    emulator = loaded.board.devices[io.device].emulator
    firmware = code_plan(loaded, "devices", io.device)
    assert emulator is not None
    assert firmware is not None
    return EmulatorPlan(
        name=io.device,
        machine=emulator.machine,
        firmware=firmware,
        runner=loaded.codes["devices", io.device].runner,
        library=str(library_folder()),
        cores=cores,
        state_period_us=io.state_period_ns // 1000,
    )


def _lease_ns(device: DeviceSpec, frame_ns: int, floor_ns: int) -> int:
    if device.lease_ms is not None:
        return timing.ms_ns(device.lease_ms)
    lease_ns = timing.lease_ns(frame_ns, floor_ns, loopback=device.loopback is not None)
    return _emulated_ns(device, lease_ns)


def _emulated_ns(device: DeviceSpec, bound_ns: int) -> int:
    return bound_ns if device.emulator is None else timing.emulated_ns(bound_ns)


def _sends(device: DeviceSpec) -> tuple[SendPlan, ...]:
    return tuple(
        SendPlan(
            name=name,
            type=one.type,
            scale=one.scale,
            unit=one.unit,
            low=one.range[0],
            high=one.range[1],
        )
        for name, one in device.sends.items()
    )


def signal_places(where: Positions, name: str, device: DeviceSpec) -> Iterator[tuple[str, str]]:
    """Say where the board file has each signal, its rate and its lease."""
    file = file_name(Path(where.file).name)
    named = (
        ("sends", list(device.sends)),
        ("accepts", list(device.accepts)),
        ("parameters", list(device.parameters)),
    )
    for key, signals in named:
        for signal in signals:
            line, _ = where.place(("devices", name, key, signal), key=True)
            yield f"{key[:-1]} {signal}", f"{file}:{line}"
    for key in ("state_rate_hz", "lease_ms"):
        path = ("devices", name, key)
        if path in where.values:
            yield key, f"{file}:{where.place(path)[0]}"


def _parameters(device: DeviceSpec) -> tuple[ParameterPlan, ...]:
    return tuple(
        ParameterPlan(
            name=name,
            unit=one.unit,
            low=one.range[0],
            high=one.range[1],
            initial=one.initial,
            value=one.initial,
        )
        for name, one in device.parameters.items()
    )


def _accepts(wiring: Wiring, role: IoRole, device: DeviceSpec) -> tuple[AcceptPlan, ...]:
    plans = []
    for name, one in device.accepts.items():
        source = wiring.source(role.reads[name].source)
        plans.append(
            AcceptPlan(
                name=name,
                type=one.type,
                scale=one.scale,
                role=source.writer.role,
                word=source.word,
                unit=one.unit,
                low=one.range[0],
                high=one.range[1],
                safe=one.safe,
                ramp_per_s=one.ramp_per_s or 0.0,
            )
        )
    return tuple(plans)


def _plant(loopback: LoopbackSpec, code: CodePlan | None) -> PlantPlan:
    parameters = {name: value for name, value in loopback.plant if name not in ("kind", "file")}
    sensors = []
    for name, one in loopback.sensors.items():
        seed, rms = (0, 0.0) if one.noise is None else (one.noise.seed, one.noise.rms)
        sensors.append(SensorPlan(name=name, seed=seed, noise_rms=rms, resolution=one.resolution))
    return PlantPlan(
        kind=loopback.plant.kind,
        parameters=tuple((name, float(value)) for name, value in parameters.items()),
        held=loopback.held,
        sensors=tuple(sensors),
        code=code,
    )
