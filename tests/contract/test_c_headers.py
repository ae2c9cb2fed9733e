"""The installable header and library: they compile clean, link, and are all in a built package."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import markdown
from tests.contract.c_program import ROOT, compiled, printed_flags

USES = """
#include "amphost.h"
#include <stdlib.h>

int main(void) {
    struct amp_attached *attached = (struct amp_attached *)calloc(1, sizeof *attached);
    struct amp_cursor cursor;
    struct amp_queue queue;
    struct amp_summary summary;
    if (attached == NULL || amp_attach(attached) == AMP_OK) {
        return 1;
    }
    struct amp_attached_segment *one = amp_attached_find(attached, "control");
    if (one != NULL) {
        amp_cursor_open(&cursor, &one->channel, AMP_START_LATEST);
        AMP_ASSERT(amp_queue_open(&queue, &one->channel, one->owner, 0) == AMP_OK);
        amp_owner_summary(one->owner, AMP_HISTOGRAM_WAKEUP, &summary);
        AMP_ASSERT(amp_system_mode(one->system, NULL) == AMP_MODE_SAFE);
    }
    amp_detach(attached);
    free(attached);
    return 0;
}
"""


@pytest.mark.parametrize(
    ("compiler", "standard", "suffix"),
    [
        ("gcc", "c11", "c"),
        ("clang", "c11", "c"),
        ("gcc", "c17", "c"),
        ("g++", "c++11", "cpp"),
        ("clang++", "c++11", "cpp"),
        ("g++", "c++20", "cpp"),
        ("clang++", "c++20", "cpp"),
    ],
)
def test_one_header_compiles_clean(
    tmp_path: Path, compiler: str, standard: str, suffix: str
) -> None:
    """A warning out of our header is a warning in everybody's build; every part is linked."""
    source = tmp_path / f"uses.{suffix}"
    source.write_text(USES, encoding="ascii")
    flags = [f"-std={standard}", *printed_flags()]
    made = compiled(compiler, source, tmp_path / "uses", flags)
    assert subprocess.run([str(made)], check=False).returncode == 0


def test_code_of_the_howto_compiles(tmp_path: Path) -> None:
    """It is copied as it stands."""
    text = (ROOT / "docs/howto/c_program.md").read_text(encoding="utf-8")
    join, read, publish = markdown.blocks(text, "c")
    include = '#include "amphost.h"\n'
    assert join.startswith(include)
    source = tmp_path / "howto.c"
    source.write_text(
        f"#include <stdio.h>\n#include <string.h>\n{include}"
        f"int main(void) {{\n{join.removeprefix(include)}{read}"
        "struct amp_attached_segment *own = &attached.segments[0];\n"
        "const amp_ns now = newest.sample.t_ns;\n"
        "const uint64_t first = newest.sample.count, second = (uint64_t)position;\n"
        f"{publish}return 0;\n}}\n",
        encoding="ascii",
    )
    compiled("gcc", source, tmp_path / "howto", ["-O0", *printed_flags()])


@pytest.mark.slow
def test_built_package_has_it_all_inside(tmp_path: Path) -> None:
    """After `pip install` there is no checkout to fall back on."""
    tools = ROOT / ".venv" / "build-tools"
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    probe = [sys.executable, "-c", "import setuptools"]
    if subprocess.run(probe, env=environment, capture_output=True, check=False).returncode:
        pytest.skip("there is no setuptools here")
    folder = tmp_path / "installed"
    build = f"setup.py -q build --build-lib {folder} --build-temp {tmp_path / 'temp'}".split()
    subprocess.run(
        [sys.executable, *build], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    asked = "import sys; sys.path.insert(0, sys.argv[1]); from amphost.cli.main import main; "
    printed = subprocess.run(
        [sys.executable, "-c", f"{asked}main(['cflags'])", str(folder)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    flags = shlex.split(printed.stdout)
    assert flags[:2] == [f"-I{folder}/amphost/include", f"-L{folder}/amphost/_native"]
    shipped = folder / "amphost/examples/c_reader/reader.c"
    compiled("gcc", shipped, tmp_path / "reader", flags)
    headers = {path.name for path in (folder / "amphost/include").rglob("*.h")}
    assert "amphost.h" in headers
    assert headers.isdisjoint({"loop.h", "pump.h", "atomic.h"})
