"""What a firmware is built from comes with the wheel: installed into an environment of its own."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from amphost.firmware.library import library_folder
from tests.targets.tools import need, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` of an environment that the wheel is installed in."""
    folder = tmp_path_factory.mktemp("wheel")
    tools = root / ".venv" / "build-tools"
    if not tools.is_dir():
        pytest.skip("it is built with what ./dev has installed")
    run(
        *("env", f"PYTHONPATH={tools}", "PYTHONWARNINGS=ignore", sys.executable, "setup.py", "-q"),
        *("egg_info", "--egg-base", folder, "build", "--build-base", folder / "build"),
        *("bdist_wheel", "--dist-dir", folder),
        cwd=root,
    )
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-I", "-m", "venv", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run(python, "-I", "-m", "pip", "install", "-q", "--no-index", "--no-deps", wheel)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    # The packages that it depends on are this environment's; amphost is the wheel's.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python.parent


def files(folder: Path, but: str = "") -> dict[str, bytes]:
    """Read every file below `folder` that is in no folder `but`."""
    return {
        str(Path(at, name).relative_to(folder)): Path(at, name).read_bytes()
        for at, _, names in os.walk(folder)
        for name in names
        if but not in Path(at).relative_to(folder).parts
    }


def test_it_has_the_whole_device_library(installed: Path) -> None:
    """Sources, headers, ports and manifests, byte for byte; a forgotten suffix shows here."""
    ask = "from amphost.firmware.library import library_folder; print(library_folder())"
    there = Path(run(installed / "python", "-I", "-c", ask).strip())
    assert there.is_relative_to(installed.parent)
    assert files(there) == files(library_folder(), but="build")  # where make leaves what it makes


def test_it_makes_a_firmware(installed: Path, tmp_path: Path) -> None:
    """From a board that comes with it to an image, with nothing of a checkout in sight."""
    need("make", "arm-none-eabi-gcc")
    run(installed / "amphost", "firmware", "new", "loopback", cwd=tmp_path)
    path = f"PATH={installed}:/usr/bin:/bin"
    run("env", path, "make", "-s", "-C", "mcu", cwd=tmp_path)
    said = run("env", path, "amphost", "firmware", "size", "mcu", cwd=tmp_path)
    assert "mcu/build/lm3s6965evb/mcu.elf, LM3S6965" in said
