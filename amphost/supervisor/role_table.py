"""The role table of a run: every role's state, where roles and people read it.

Rules. A state changes through the table of `lifecycle` alone. It is written to the system block,
where the role sees that it is asked to leave, and to `state.json`, with the mode that stands there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from amphost.lifecycle import Mode, RoleEvent, RoleState, next_role_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.blocks import System
    from amphost.supervisor.proxy_run import ProxyRun
    from amphost.supervisor.runs import DeviceRun, RoleRun
    from amphost.supervisor.runtime_dir import RuntimeDir


class RoleTable:
    """Who runs, as which process, in which state.

    Synchronization: one thread, the supervisor's main one.
    """

    def __init__(
        self,
        name: str,
        system: System,
        runtime: RuntimeDir,
        roles: Mapping[str, RoleRun],
        devices: Mapping[str, DeviceRun],
        proxies: Mapping[str, ProxyRun],
    ) -> None:
        self._name = name
        self._system = system
        self._runtime = runtime
        self._roles = roles
        self._devices = devices
        self._proxies = proxies

    def move(self, run: RoleRun, event: RoleEvent) -> None:
        """Move a role's state and write its line."""
        run.state = next_role_state(run.state, event)
        self._system.set_role(
            run.plan.role_id,
            state=run.state,
            pid=run.pid,
            epoch=run.epoch,
            end=run.state is RoleState.ENDING,
        )
        self.write()

    def write(self) -> None:
        """Replace state.json."""
        self._runtime.write_state(self.state())

    def state(self) -> dict[str, Any]:
        """Return it all with the mode, as `state.json` and the control socket show it."""
        mode, arming = self._system.mode()
        return {
            "system": self._name,
            "pid": os.getpid(),
            "mode": Mode(mode).name,
            "arming": arming,
            "roles": {
                run.plan.name: {"pid": run.pid, "state": run.state.name, "epoch": run.epoch}
                for run in self._roles.values()
            },
            "devices": {
                device.plan.name: {
                    "pid": device.child.pid if device.child is not None else 0,
                    "port": device.port,
                }
                for device in self._devices.values()
            },
            "fault_proxies": {
                name: {
                    "pid": proxy.child.pid if proxy.child is not None else 0,
                    "port": proxy.port,
                    "counts": proxy.counts,
                }
                for name, proxy in self._proxies.items()
            },
        }
