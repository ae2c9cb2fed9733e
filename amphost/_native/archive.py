"""Build the C interface beside the extension: the static library, and in a wheel its headers.

Rules. The library is what `amphost.h` declares and what that needs, of the same sources as the
extension; which headers are shipped is decided by the headers: `amphost.h`, `amp/user_code.h` and
all that they include. In a checkout the headers stay where they are. Used by setup.py alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools.command.build_ext import build_ext

from amphost._native.build import ROOT
from amphost._native.declarations import includes

__all__ = ["BuildInterface", "interface_headers"]

LIBRARY = "amphost_mailbox"
SOURCES = ("attach", "base", "channel", "platform_linux", "queue", "segment", "stats", "wait")
INCLUDE_DIR = "native/include"
SOURCE_DIR = "native/src"
PACKAGE = "amphost"
COMPILE_ARGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-fPIC")


def interface_headers(root: Path = ROOT) -> list[str]:
    """List `amphost.h`, `amp/user_code.h` and every header that they include, by those names."""
    listed = ["amphost.h", "amp/user_code.h"]
    for name in listed:  # it grows while it is read
        text = (root / INCLUDE_DIR / name).read_text(encoding="utf-8")
        listed += [one for one in includes(text) if one not in listed]
    return listed


class BuildInterface(build_ext):
    """`build_ext`, and the library and headers with it.

    Synchronization: none required; one build.
    """

    def run(self) -> None:
        """Build the extension, then what programs in C need."""
        super().run()
        package = (ROOT if self.inplace else Path(self.build_lib)) / PACKAGE
        self._build_library(package / "_native")
        if not self.inplace:
            for name in interface_headers():
                to = package / "include" / name
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / INCLUDE_DIR / name, to)

    def get_outputs(self) -> list[str]:
        """Name what was built, for whoever installs it."""
        outputs = list(super().get_outputs())
        if self.inplace:
            return outputs
        package = Path(self.build_lib) / PACKAGE
        outputs.append(str(package / "_native" / f"lib{LIBRARY}.a"))
        outputs += [str(package / "include" / name) for name in interface_headers()]
        return outputs

    def _build_library(self, folder: Path) -> None:
        """Make it anew beside its place, then move it there: nobody links half of one."""
        scratch = Path(self.build_temp) / "interface"
        shutil.rmtree(scratch, ignore_errors=True)
        objects = self.compiler.compile(
            [f"{SOURCE_DIR}/{name}.c" for name in SOURCES],
            output_dir=str(scratch),
            include_dirs=[INCLUDE_DIR],
            extra_postargs=list(COMPILE_ARGS),
        )
        self.compiler.create_static_lib(objects, LIBRARY, output_dir=str(scratch))
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"lib{LIBRARY}.a.new"
        shutil.copyfile(scratch / f"lib{LIBRARY}.a", made)
        made.replace(folder / f"lib{LIBRARY}.a")
