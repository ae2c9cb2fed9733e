"""One `amphost run` in the guest, as a person there would see it.

Rules. Ten periods a second and bounds to match: an emulated machine stands still now and then, and
what follows is that the run is safe, as it must be; then a person arms it again.
"""

from __future__ import annotations

import json
import math
import signal
from typing import TYPE_CHECKING, Any

from tests.mcu.emulator import Facts
from tests.mcu.system import BOARD, SYSTEM

if TYPE_CHECKING:
    from tests.guest.conftest import Desk
    from tests.guest.guest import Guest

ARMED = 2
FIFO = 1
T_US = 100_000
SERIAL = "amp-1"
BY_ID = f"/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{SERIAL}-if00-port0"
RATE = ("rate_hz: 20", "rate_hz: 10")
ISOLATED = (
    ("core: 0\n    priority", "core: 2\n    priority"),
    ("core: 1\n    priority", "core: 3\n    priority"),
)
TELEMETRY = """\
  telemetry:
    kind: telemetry
    core: 1
    record: {to: runs/, max_mb: 8}
"""


class System:
    """One `amphost run` in the guest.

    Synchronization: one thread.
    """

    def __init__(self, desk: Desk, name: str, port: str) -> None:
        self.guest, self.mcu = desk.guest, desk.mcu
        self.folder = f"/{name}"
        write_files(self.guest, self.folder, port)
        command = ["python3", "-I", "-m", "amphost", "run", "motor.yaml", "--json"]
        self.pid = self.guest.start(self.folder, *command)

    def state(self) -> dict[str, Any]:
        """Return what the run says of itself."""
        text = self.guest.read("/run/amphost/motor/state.json")
        state: dict[str, Any] = json.loads(text) if text.endswith("}\n") else {}
        return state

    def in_mode(self, mode: str) -> dict[str, Any]:
        """Wait for a mode."""

        def there() -> dict[str, Any]:
            assert self.guest.code(self.pid) is None, self.said()
            state = self.state()
            return state if state.get("mode") == mode else {}

        state: dict[str, Any] = self.guest.when(there, f"mode {mode}")
        return state

    def runs(self) -> dict[str, Any]:
        """Wait until every role runs, telemetry too."""
        self.in_mode("DISARMED")

        def running() -> dict[str, Any]:
            roles: dict[str, Any] = self.state().get("roles", {})
            return roles if all(one["state"] == "RUNNING" for one in roles.values()) else {}

        roles: dict[str, Any] = self.guest.when(running, "every role runs")
        return roles

    def value(self, name: str) -> float:
        """Return a value as a person would ask for it; below all others while there is none."""
        code, out, _ = self.guest.amphost("get", name)
        return float(out.split()[-2]) if code == 0 and out else -math.inf

    def epoch(self, role: str) -> int:
        """Return the so-manieth process of a role that this one is."""
        return int(self.state()["roles"][role]["epoch"])

    def said(self) -> str:
        """Return what the run wrote to stderr so far."""
        return self.guest.read(f"{self.folder}/err")

    def arm(self) -> Facts:
        """Arm as soon as it is possible, and wait until the device follows.

        An emulated machine may stand still for so long that the run is safe again: then once more.
        """

        def armed() -> bool:
            mode = self.state().get("mode")
            if mode == "SAFE":
                self.guest.amphost("acknowledge", "motor")
            elif mode == "DISARMED":
                self.guest.amphost("arm", "motor")
            return mode == "ARMED" and follows(self.mcu.facts())

        try:
            self.guest.when(armed, "armed, and the device follows")
        except AssertionError as error:
            raise AssertionError(self.said()) from error
        return self.mcu.facts()

    def finish(self) -> tuple[dict[str, Any], str]:
        """End the run; return its report and what it said."""
        self.guest.signal(self.pid, signal.SIGTERM)
        self.guest.when(lambda: self.guest.code(self.pid) is not None, "the run has ended")
        report: dict[str, Any] = json.loads(self.guest.read(f"{self.folder}/out"))
        return report, self.said()


def chain_spec(*changes: tuple[str, str]) -> str:
    """Return the system, ten times a second, on the cores that this machine has too."""
    spec = SYSTEM + TELEMETRY
    for old, new in (RATE, *changes):
        assert old in spec, old
        spec = spec.replace(old, new)
    return spec


def write_files(guest: Guest, folder: str, port: str) -> None:
    """Write the system's files in the guest; `port` as it stands in a board file."""
    guest.write(f"{folder}/motor.yaml", chain_spec(*ISOLATED))
    guest.write(f"{folder}/board.yaml", BOARD.replace("PORT", port))


def follows(facts: Facts) -> bool:
    """Return whether the device follows actuations."""
    return facts.mode == ARMED and facts.applied_us > 0
