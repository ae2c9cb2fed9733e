"""A firmware builds for every port, without a warning, and fits."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.firmware.building import FIRMWARE, PORTS, build, port_words

FLASH_BYTES = {"lm3s6965evb": 262144, "stm32f405": 1048576, "rp2040": 2097152, "atmega328p": 32768}
RAM_BYTES = {"lm3s6965evb": 65536, "stm32f405": 131072, "rp2040": 262144, "atmega328p": 2048}


@pytest.mark.parametrize("port", PORTS)
def test_a_firmware_builds_and_fits(port: str, tmp_path: Path) -> None:
    """A port that only compiles piece by piece may still lack a symbol, or the room."""
    elf = build(port, tmp_path, FIRMWARE / "device.c")
    [prefix] = port_words(port, "PORT_PREFIX")
    said = subprocess.run([f"{prefix}-size", elf], capture_output=True, text=True, check=True)
    text, initialised, zeroed = map(int, said.stdout.splitlines()[1].split()[:3])
    assert text + initialised < FLASH_BYTES[port]
    assert initialised + zeroed < RAM_BYTES[port]


@pytest.mark.parametrize("port", PORTS)
def test_a_port_defines_what_the_interface_declares(port: str, tmp_path: Path) -> None:
    """A firmware that uses only a part of port.h would not notice what is missing."""
    header = (FIRMWARE.parents[1] / "device/include/amp/port.h").read_text(encoding="utf-8")
    code = "\n".join(line for line in header.splitlines() if not line.startswith((" *", "/")))
    names = sorted({word.split("(")[0] for word in code.split() if word.startswith("amp_port_")})
    assert len(names) == 11
    uses = "".join(f"    (void (*)(void)){name},\n" for name in names)
    source = tmp_path / "all.c"
    source.write_text(
        '#include "amp/port.h"\nvoid (*const volatile all[])(void) = {\n'
        + uses
        + "};\nint main(void) {\n    all[0]();\n    return 0;\n}\n"
    )
    build(port, tmp_path, source, flags="-Wno-cast-function-type")


def test_the_first_stage_of_the_rp2040_has_its_checksum(tmp_path: Path) -> None:
    """The chip's boot ROM starts no image whose first 256 bytes do not check."""
    elf = build("rp2040", tmp_path, FIRMWARE / "device.c")
    image = tmp_path / "image"
    words = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", str(elf), str(image)]
    subprocess.run(words, check=True)
    stage = image.read_bytes()[:256]
    crc = 0xFFFFFFFF
    for byte in stage[:252]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    assert int.from_bytes(stage[252:], "little") == crc
