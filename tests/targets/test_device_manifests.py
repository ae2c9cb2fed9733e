"""The device library as others' build systems see it: each manifest is used, not only read."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

import amphost
from tests.targets.tools import need, run

PROGRAM = """\
#include "amp/device.h"

#include <stdio.h>

int main(void) {
    const unsigned long crc = amp_crc32((const uint8_t *)"123456789", 9, 0);
    printf("%lx %d", crc, AMP_FRAME_BODY_MAX);
    return 0;
}
"""
CHECK = "cbf43926"  # CRC-32 of "123456789", as published
BODY_MAX = 251
# The keys that Zephyr's documentation of modules knows, of those that are text.
ZEPHYR_BUILD = {"cmake", "kconfig", "cmake-ext", "kconfig-ext", "depends", "settings"}
# What Zephyr's build defines for a module, as far as ours calls it.
ZEPHYR_SHIM = """\
cmake_minimum_required(VERSION 3.20)
project(shim C)
set(APPLICATION_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
set(CONFIG_AMPHOST_DEVICE y)
set(CONFIG_AMPHOST_CRC_ENTRIES 256)
set(CONFIG_AMPHOST_LIMITS "%(limits)s")
add_library(zephyr_interface INTERFACE)
function(zephyr_include_directories)
    target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()
macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC)
    target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_definitions)
    target_compile_definitions(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
add_subdirectory(%(module)s ${CMAKE_BINARY_DIR}/module)
add_executable(app main.c)
target_link_libraries(app PRIVATE amphost_device)
"""


@pytest.fixture
def device(root: Path) -> Path:
    """Return the folder of the device library."""
    return root / "native" / "device"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a program."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.c").write_text(PROGRAM)
    return folder


def properties(device: Path) -> dict[str, str]:
    """Read library.properties as Arduino does."""
    lines = (device / "library.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def built(project: Path, lists: str, *options: str | Path) -> str:
    """Build a project with CMake and run its program; return what it says."""
    need("cmake", "gcc", "make")
    (project / "CMakeLists.txt").write_text(lists)
    folder = project / "build"
    run("cmake", "-G", "Unix Makefiles", "-S", project, "-B", folder, *options)
    run("cmake", "--build", folder)
    return run(folder / "app")


def small_limits(device: Path, folder: Path) -> Path:
    """Write a limits.h with another longest payload."""
    text = (device / "include/amp/limits.h").read_text()
    for name, value in (("PAYLOAD", 100), ("BODY", 111), ("WIRE", 113)):
        text = re.sub(rf"(define AMP_FRAME_{name}_MAX) \d+", rf"\1 {value}", text)
    text = re.sub(r"(define AMP_DEVICE_VALUES_MAX) \d+", r"\1 4", text)
    (folder / "amp").mkdir(parents=True)
    (folder / "amp/limits.h").write_text(text)
    return folder


def test_versions_agree(device: Path) -> None:
    """A firmware built with another version's library is refused at the handshake, if lucky."""
    assert properties(device)["version"] == amphost.__version__
    assert json.loads((device / "library.json").read_text())["version"] == amphost.__version__


def test_arduino_has_the_fields_it_requires(device: Path) -> None:
    """Its IDE ignores a library that lacks one, without a word."""
    found = properties(device)
    required = "name version author maintainer sentence paragraph category url architectures"
    assert all(found[name] for name in required.split())
    assert (device / "src" / found["includes"]).is_file()
    sketches = {one.parent.name == one.stem for one in device.glob("examples/*/*.ino")}
    assert sketches <= {True}  # a sketch has the name of its folder


def test_platformio_finds_what_its_manifest_names(device: Path) -> None:
    """A path that is not there is ignored, and the build then lacks a header far away."""
    said = json.loads((device / "library.json").read_text())
    assert re.fullmatch(r"[a-z0-9_-]+", said["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["version"])
    build = said["build"]
    assert (device / build["includeDir"] / "amp/device.h").is_file()
    assert (device / build["srcDir"] / said["headers"]).is_file()
    for pattern in build["srcFilter"]:
        assert list((device / build["srcDir"]).glob(pattern.strip("+<>")))
    for name in said["export"]["include"]:
        assert (device / name).exists(), name
    for example in said["examples"]:
        assert all((device / example["base"] / name).is_file() for name in example["files"])


def test_arduino_finds_every_header_beside_the_sources(device: Path) -> None:
    """It puts src/ on the include path and nothing else."""
    headers = {one.name for one in (device / "include/amp").glob("*.h")}
    assert {one.name for one in (device / "src/amp").glob("*.h")} == headers
    for name in headers:
        assert f'#include "../../include/amp/{name}"' in (device / "src/amp" / name).read_text()


def test_own_limits_reach_every_source(device: Path, tmp_path: Path) -> None:
    """Two sizes of one struct in one firmware would be found by nobody but the crash."""
    need("gcc")
    own = small_limits(device, tmp_path / "own")
    for source in sorted((device / "src").glob("*.c")):
        said = run("gcc", "-MM", f"-I{own}", f"-I{device}/include", source)
        if "limits.h" in said:
            assert f"{own}/amp/limits.h" in said, source.name
            assert f"{device}/include/amp/limits.h" not in said, source.name
            assert "src/amp/limits.h" not in said, source.name


def test_cmake_add_subdirectory(device: Path, project: Path) -> None:
    """The first thing that anybody does."""
    lists = f"""\
cmake_minimum_required(VERSION 3.16)
project(app C)
add_subdirectory({device} amphost)
add_executable(app main.c)
target_link_libraries(app PRIVATE amphost::device)
"""
    assert built(project, lists) == f"{CHECK} {BODY_MAX}"


FIND_PACKAGE = """\
cmake_minimum_required(VERSION 3.16)
project(app C)
find_package(amphost %s REQUIRED)
add_executable(app main.c)
target_link_libraries(app PRIVATE amphost::device)
"""


def test_cmake_find_package_in_the_sources(device: Path, project: Path) -> None:
    """Of an installed amphost, without installing anything more."""
    lists = FIND_PACKAGE % ".".join(amphost.__version__.split(".")[:2])
    assert built(project, lists, f"-Damphost_DIR={device}/cmake") == f"{CHECK} {BODY_MAX}"


def test_cmake_find_package_refuses_another_version(device: Path, project: Path) -> None:
    """Before 1.0 a minor version may change anything."""
    need("cmake", "gcc", "make")
    for wanted in ("0.999", "7"):
        with pytest.raises(AssertionError, match="amphost"):
            built(project, FIND_PACKAGE % wanted, f"-Damphost_DIR={device}/cmake")
        shutil.rmtree(project / "build")


def test_cmake_install_with_limits_of_ones_own(device: Path, project: Path) -> None:
    """What was installed has the limits that it was compiled with."""
    need("cmake", "gcc", "make")
    own, prefix = small_limits(device, project / "own"), project / "prefix"
    folder = project / "library"
    run("cmake", "-G", "Unix Makefiles", "-S", device, "-B", folder, f"-DAMPHOST_LIMITS={own}")
    run("cmake", "--build", folder)
    run("cmake", "--install", folder, "--prefix", prefix)
    said = built(project, FIND_PACKAGE % amphost.__version__, f"-DCMAKE_PREFIX_PATH={prefix}")
    assert said == f"{CHECK} 111"


def test_zephyr_module_says_what_zephyr_knows(device: Path) -> None:
    """Zephyr refuses a key that it does not know, and looks for both files where they are named."""
    module = yaml.safe_load((device / "zephyr/module.yml").read_text())
    assert module.keys() == {"name", "build"}
    assert module["build"].keys() <= ZEPHYR_BUILD
    assert (device / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (device / module["build"]["kconfig"]).is_file()


def test_zephyr_options_are_declared(device: Path) -> None:
    """An option that no Kconfig declares is never set."""
    used = re.findall(r"\bCONFIG_(\w+)", (device / "zephyr/CMakeLists.txt").read_text())
    declared = re.findall(r"^config (\w+)$", (device / "zephyr/Kconfig").read_text(), re.MULTILINE)
    assert set(used) == set(declared)


def test_zephyr_build_takes_the_module(device: Path, project: Path) -> None:
    """With Zephyr's functions stood in for: sources, include path, options, own limits."""
    small_limits(device, project / "own")
    lists = ZEPHYR_SHIM % {"module": device / "zephyr", "limits": "own"}
    assert built(project, lists) == f"{CHECK} 111"
    lists = ZEPHYR_SHIM % {"module": device / "zephyr", "limits": ""}
    assert built(project, lists) == f"{CHECK} {BODY_MAX}"
