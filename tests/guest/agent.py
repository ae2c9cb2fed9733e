"""Run in the guest what the host asks for: one JSON object a line, over a virtio port.

Rules. The first thing in the guest's user space; it knows nothing of amphost. `run` waits for a
command and returns its code and output; `start` lets it run on, its output in files; `read` reads
a file; `signal` sends one. An answer comes for every line, in order.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

PORT = "/dev/virtio-ports/amphost"


def run(command: list[str], within_s: float = 60.0) -> dict[str, Any]:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def start(command: list[str], folder: str) -> dict[str, Any]:
    """Start a command in a folder of its own, where its output goes to `out` and `err`."""
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    with (where / "out").open("wb") as out, (where / "err").open("wb") as err:
        started = subprocess.Popen(command, stdout=out, stderr=err, cwd=where)
    CHILDREN[started.pid] = started
    return {"pid": started.pid}


def poll(pid: int) -> dict[str, Any]:
    """Return the exit code of what was started; null while it runs."""
    return {"code": CHILDREN[pid].poll()}


def read(path: str) -> dict[str, Any]:
    """Return a file's text; null where there is none."""
    try:
        return {"text": Path(path).read_text(encoding="utf-8", errors="replace")}
    except OSError:
        return {"text": None}


def write(path: str, text: str) -> dict[str, Any]:
    """Write a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
    return {}


def names(pattern: str) -> dict[str, Any]:
    """Return the paths that a pattern below / matches."""
    return {"names": sorted(str(path) for path in Path("/").glob(pattern.lstrip("/")))}


def send(pid: int, number: int) -> dict[str, Any]:
    """Send a signal."""
    os.kill(pid, number)
    return {}


def scheduled(pid: int) -> dict[str, Any]:
    """Return what Linux granted a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    [locked] = [line.split()[1] for line in status if line.startswith("VmLck:")]
    return {
        "policy": os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK,
        "priority": os.sched_getparam(pid).sched_priority,
        "cores": sorted(os.sched_getaffinity(pid)),
        "locked_kb": int(locked),
    }


CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "run": run,
    "start": start,
    "poll": poll,
    "read": read,
    "write": write,
    "names": names,
    "signal": send,
    "scheduled": scheduled,
}


def main() -> None:
    """Answer for as long as there is a host."""
    with (
        Path(PORT).open("r+b", buffering=0) as port,
        os.fdopen(os.dup(port.fileno()), "rb") as lines,
    ):
        port.write(b'{"ready": true}\n')
        for line in lines:
            asked = json.loads(line)
            verb = asked.pop("verb")
            try:
                answer = VERBS[verb](**asked)
            except (OSError, KeyError, subprocess.SubprocessError) as error:
                answer = {"error": f"{verb}: {error!r}"}
            port.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
