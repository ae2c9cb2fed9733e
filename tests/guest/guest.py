"""A PREEMPT_RT Linux in an emulator: what the tests do to it, and what they ask it.

Rules. The processor is emulated (TCG), /dev/kvm is never used: time in there is no figure, what
happens is. One process, which dies with the test's. Commands go to the agent over a virtio port,
USB adapters come and go by QEMU's own protocol, and the console is kept for whoever wonders.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.mcu.emulator import start_emulator

CORES = 4
ISOLATED = "2,3"
MEMORY_MB = 1024
BOOT_S = 90.0
DEADLINE_S = 40.0
LOOK_S = 0.1
VENDOR_PRODUCT = "0403:6001"  # of QEMU's usb-serial, an FTDI adapter


class Guest:
    """One booted guest; `serial` numbers are those of its USB adapters.

    Synchronization: one thread.
    """

    def __init__(self, image: Path, folder: Path, lines: dict[str, Path]) -> None:
        self.console = folder / "console"
        self._folder = folder
        self._began_s = time.monotonic()
        command = ["qemu-system-x86_64", "-M", "q35"]
        command += ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(CORES)]
        command += ["-m", str(MEMORY_MB), "-display", "none", "-nodefaults", "-no-reboot"]
        command += ["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd")]
        words = f"console=ttyS0 loglevel=4 panic=-1 isolcpus={ISOLATED} nohz_full={ISOLATED}"
        command += ["-append", f"{words} rcu_nocbs={ISOLATED}"]
        command += ["-serial", f"file:{self.console}", "-device", "virtio-serial-pci"]
        command += _served("agent", folder) + _served("control", folder)
        command += ["-device", "virtserialport,chardev=agent,name=amphost"]
        command += ["-mon", "chardev=control,mode=control", "-device", "qemu-xhci,id=usb"]
        for name, line in lines.items():  # as an adapter whose other end is the board's
            command += ["-chardev", f"socket,id={name},path={line},reconnect=1"]
        self._said = folder / "qemu"
        with self._said.open("wb") as said:
            self._process = start_emulator(command, stderr=said)
        self._agent = self._connect("agent", BOOT_S)
        self._control = self._connect("control", DEADLINE_S)
        self._control.readline()
        self.control("qmp_capabilities")

    def wait_ready(self) -> float:
        """Wait until the agent answers; return how long the guest took to boot."""
        line = self._agent.readline()
        assert line, f"the guest ended: {self._words()}"
        return time.monotonic() - self._began_s

    def plug(self, line: str, serial: str) -> None:
        """Plug an adapter in; there is one while the board at its end has power."""
        words = {"driver": "usb-serial", "chardev": line, "id": line, "serial": serial}
        self.control("device_add", bus="usb.0", **words)

    def unplug(self, line: str) -> None:
        """Pull the adapter out, whatever has it open."""
        self.control("device_del", id=line)

    def add_idle_line(self, name: str) -> None:
        """Have the far end of an adapter that says nothing."""
        backend = {"type": "ringbuf", "data": {"size": 1024}}
        self.control("chardev-add", id=name, backend=backend)

    def run(self, *command: str) -> tuple[int, str, str]:
        """Run a command in the guest; return its code, stdout and stderr."""
        answer = self._ask("run", command=command)
        return answer["code"], answer["out"].strip(), answer["err"].strip()

    def amphost(self, *words: str) -> tuple[int, str, str]:
        """Run amphost in the guest, as a person does."""
        return self.run("python3", "-I", "-m", "amphost", *words)

    def start(self, folder: str, *command: str) -> int:
        """Start a command in a folder of its own; its output is in `out` and `err` there."""
        return int(self._ask("start", command=command, folder=folder)["pid"])

    def code(self, pid: int) -> int | None:
        """Return the exit code of what was started; None while it runs."""
        code: int | None = self._ask("poll", pid=pid)["code"]
        return code

    def read(self, path: str) -> str:
        """Return a file's text; nothing where there is none."""
        return str(self._ask("read", path=path)["text"] or "")

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        self._ask("write", path=path, text=text)

    def names(self, pattern: str) -> list[str]:
        """Return what a pattern matches."""
        return list(self._ask("names", pattern=pattern)["names"])

    def scheduled(self, pid: int) -> dict[str, Any]:
        """Return what Linux granted a process: policy, priority, cores, locked memory."""
        return self._ask("scheduled", pid=pid)

    def signal(self, pid: int, number: int) -> None:
        """Send a signal."""
        self._ask("signal", pid=pid, number=number)

    def when(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for the condition's first true value."""
        end_s = time.monotonic() + DEADLINE_S
        while not (value := condition()):
            assert time.monotonic() < end_s, f"not within {DEADLINE_S:g} s: {what}"
            time.sleep(LOOK_S)
        return value

    def close(self) -> None:
        """Switch it off."""
        self._process.kill()
        self._process.wait()
        self._agent.close()
        self._control.close()

    def control(self, verb: str, **arguments: object) -> Any:
        """Have QEMU do something."""
        asked = {"execute": verb, "arguments": arguments}
        self._control.write(json.dumps(asked).encode() + b"\n")
        while "return" not in (answer := json.loads(self._control.readline())):
            assert "error" not in answer, answer
        return answer["return"]

    def _ask(self, verb: str, **words: object) -> dict[str, Any]:
        self._agent.write(json.dumps({"verb": verb, **words}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._agent.readline())
        assert "error" not in answer, answer
        return answer

    def _words(self) -> str:
        """Return what QEMU and the console said last."""
        files = (self._said, self.console)
        texts = [file.read_text(errors="replace")[-2000:] for file in files if file.exists()]
        return f"{self._process.poll()} {' '.join(texts)}"

    def _connect(self, name: str, within_s: float) -> Any:
        path = self._folder / name
        end_s = time.monotonic() + DEADLINE_S
        while not path.exists():
            assert self._process.poll() is None, "qemu-system-x86_64 ended at once"
            assert time.monotonic() < end_s, "qemu-system-x86_64 serves no socket"
            time.sleep(LOOK_S)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(within_s)
            connection.connect(str(path))
            return connection.makefile("rwb", buffering=0)


def _served(name: str, folder: Path) -> list[str]:
    return ["-chardev", f"socket,id={name},path={folder / name},server=on,wait=off"]
