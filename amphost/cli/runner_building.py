"""Build what an emulator needs besides its own package: simavr's program, rp2040js.

Rules. Into the cache folder of this user alone, whole or not at all. No script of a package runs.
What is missing is named with the command that brings it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from amphost import built_code
from amphost.cli.compiling import compiler, run_compiler
from amphost.errors import AmphostError, MissingPackageError
from amphost.firmware.runners import runner_mark, runner_path, runner_source

__all__ = ["build_runner"]

NPM_S = 300.0
SIMAVR = "libsimavr-dev libelf-dev"


def build_runner(machine: str) -> str:
    """Build the runner of a machine where it is not there yet; return its path, or nothing."""
    path = runner_path(machine, Path.read_bytes)
    if not path or runner_mark(machine, path).is_file():
        return path
    built_code.make_folder()
    made = f"{path}.{os.getpid()}"
    try:
        if machine == "rp2040":
            _install(machine, made)
        else:
            _compile(machine, made)
        os.replace(made, path)  # noqa: PTH105
    finally:
        if Path(made).is_dir():
            shutil.rmtree(made, ignore_errors=True)
        else:
            Path(made).unlink(missing_ok=True)
    return path


def _compile(machine: str, made: str) -> None:
    found, _ = compiler()
    source = runner_source(machine)
    words = [found, "-std=c11", "-O2", "-o", made, str(source), "-lsimavr", "-lelf"]
    ended = run_compiler(words)
    if ended.returncode != 0:
        if "simavr" in ended.stdout or "lelf" in ended.stdout:
            raise MissingPackageError(
                f"there is no emulator for {machine}: install simavr's library"
                f" (apt install {SIMAVR})"
            )
        raise AmphostError(f"{source}: {ended.stdout}")
    os.chmod(made, 0o700)  # noqa: PTH101


def _install(machine: str, made: str) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise MissingPackageError(
            f"there is no emulator for {machine}: node and npm are not in PATH; install them"
            " (apt install nodejs npm)"
        )
    source = runner_source(machine)
    assert source is not None
    Path(made).mkdir(mode=0o700)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source.with_name(name), made)
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", made]
    from amphost import platform

    ended = subprocess.run(
        words,
        cwd=made,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=NPM_S,
        check=False,
        preexec_fn=lambda: platform.die_with_parent(signal.SIGKILL),
    )
    if ended.returncode != 0:
        raise AmphostError(f"npm could not install rp2040js: {ended.stderr.strip()[-500:]}")
