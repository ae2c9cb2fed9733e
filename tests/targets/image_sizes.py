"""Build the firmware that `amphost firmware new` writes, for every port, and say what it takes.

    ./dev exec python tests/targets/image_sizes.py            print the table
    ./dev exec python tests/targets/image_sizes.py --write    put it into native/device/README.md

Rules. A whole image, linked as a user links it, of a board with two values one way and one the
other; `amphost firmware size` is what counts. A compiler that is not here is named.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from amphost.firmware.library import library_folder
from amphost.firmware.ports import read_port
from amphost.firmware.targets import ARDUINO, CHIPS, port_names

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "native" / "device" / "README.md"
OPEN, CLOSE = "<!-- images -->", "<!-- end of images -->"
BOARD = "loopback"
DEVICE = "mcu"
HEAD = "| bytes | library | port | own | runtime | rest | flash | RAM |"


def image_ports() -> tuple[str, ...]:
    """Return the ports that a Makefile builds."""
    return tuple(one for one in port_names() if one != ARDUINO)


def is_here(port: str) -> bool:
    """Say whether the port's compiler is installed."""
    return shutil.which(read_port(port).compiler) is not None


def measure(port: str) -> dict[str, Any]:
    """Generate, build and measure; return what `amphost firmware size` says."""
    amphost = [sys.executable, "-m", "amphost", "firmware"]
    with tempfile.TemporaryDirectory() as folder:
        _run(*amphost, "new", BOARD, "--port", port, "--to", folder)
        _run("make", "-s", "-C", folder, f"AMPHOST={library_folder()}")
        said = _run(*amphost, "size", f"{folder}/build/{port}/{DEVICE}.elf", "--json")
    found: dict[str, Any] = json.loads(said)[0]
    return found


def row(port: str) -> str:
    """Render a port's line of the table."""
    found = measure(port)
    parts = [found["parts"][name]["flash"] for name in HEAD.split(" | ")[1:6]]
    cells = [CHIPS[port].name, *parts, found["flash"], found["ram"]]
    return f"| {' | '.join(map(str, cells))} |"


def table(names: tuple[str, ...]) -> str:
    """Render the block of the README."""
    rule = "| --- |" + " ---: |" * (HEAD.count("|") - 2)
    return "\n".join([OPEN, HEAD, rule, *map(row, names), CLOSE])


def write(made: str) -> None:
    """Put the block into the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(OPEN)
    README.write_text(before + made + rest.partition(CLOSE)[2], encoding="utf-8")


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def main() -> int:
    """Print the table, or write it."""
    absent = [port for port in image_ports() if not is_here(port)]
    if absent:
        print(f"image_sizes: no compiler for {', '.join(absent)}", file=sys.stderr)
        return 69
    made = table(image_ports())
    if sys.argv[1:] == ["--write"]:
        write(made)
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
