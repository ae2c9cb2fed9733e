"""What a user begins with: main.c or a sketch, and a Makefile. Each is written once.

Rules. Pure. As generated it compiles without a warning, shakes hands, sends values in range and may
be armed; what it senses and drives is the user's to write. No signal's name stands there but as
the header has it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from amphost.firmware.header import Target, c_float, comment, header_name, prefix

__all__ = ["main_text", "makefile_text", "sketch_text"]

WATCHDOG_US = 100_000
EMULATED_WATCHDOG_US = 500_000
"""An emulator that its host keeps waiting is no hang."""
_MAKE_SAFE = re.compile(r"[A-Za-z0-9_./+-]+")

_PARTS = """\
/* How long the main loop may take before the watchdog resets the processor. */
#define WATCHDOG_US {watchdog}u

static const uint8_t VERSION[3] = {{0, 1, 0}}; /* of this firmware; a host shows it */
static struct amp_device_config config;
static struct amp_device device;

/* Pins, converters, timers; every output at its safe value first. */
static void begin(void) {{}}

{sense}/* Put the outputs where amp_device_output() says: where the host wants them while the device
 * is armed, on the way to safe or there in every other mode. */
static void drive(void) {{
{drive}}}
"""

_START = """\
    config = {name}_CONFIG;
    config.firmware[0] = VERSION[0];
    config.firmware[1] = VERSION[1];
    config.firmware[2] = VERSION[2];
    amp_port_begin({name}_BAUD);
    begin();
    config.boot_nonce = amp_port_boot_nonce();
    config.reset_cause = amp_port_reset_cause();
"""

_TURN = """\
const size_t got = amp_port_read(bytes, sizeof bytes);
amp_device_receive(&device, bytes, got, amp_port_now_us());
{tick}drive();
if (sent == size) {{
    size = amp_device_transmit(&device, out, sizeof out);
    sent = 0;
}}
sent += amp_port_write(&out[sent], size - sent);
amp_port_watchdog_kick();
amp_port_wait();
"""

_MAIN = """\
/* The firmware of the device {device}: what it senses and drives. This file is yours. */
#include "{header}"

{parts}
int main(void) {{
    static uint8_t bytes[32], out[32];
{sensed}    size_t size = 0, sent = 0;
{start}    if (!amp_device_init(&device, &config, amp_port_now_us())) {{
        return 1; /* a rule of amp_device_config is broken: nothing is driven */
    }}
    amp_port_watchdog_begin(WATCHDOG_US);
    for (;;) {{
{turn}    }}
}}
"""

_SKETCH = """\
/* The firmware of the device {device}: what it senses and drives. This file is yours.
 *
 * The serial port belongs to the link: nothing else may print to it. */
#include <amphost_device.h>

#include "{header}"

{parts}
static bool running;

void setup() {{
{start}    running = amp_device_init(&device, &config, amp_port_now_us());
    if (running) {{
        amp_port_watchdog_begin(WATCHDOG_US);
    }}
}}

void loop() {{
    static uint8_t bytes[32], out[32];
{sensed}    static size_t size, sent;
    if (!running) {{
        return; /* a rule of amp_device_config is broken: nothing is driven */
    }}
{turn}}}
"""

_MAKEFILE = """\
# The firmware of the device {device}: `make`, or `make PORT=...` (`make ports` prints the names).
# This file is yours.
PORT ?= {port}
NAME := {device}
SOURCES := main.c
FLAGS := -g

AMPHOST := $(shell amphost firmware path)
ifeq ($(AMPHOST),)
$(error amphost is not on the PATH: `pip install amphost`, or activate its environment)
endif
include $(AMPHOST)/Makefile

$(ELF): {header}

.PHONY: board size
# The header anew, from the board file.
board:
	{new}

size: $(ELF)
	amphost firmware size $(ELF)
{dependency}"""


def main_text(target: Target) -> str:
    """Write main.c for the ports of the device library."""
    return _MAIN.format(**_words(target, indent=8))


def sketch_text(target: Target) -> str:
    """Write the sketch of an Arduino."""
    return _SKETCH.format(**_words(target, indent=4))


def makefile_text(target: Target, port: str) -> str:
    """Write the Makefile; it makes the header anew when the board file is newer."""
    words = ["amphost", "firmware", "new", target.file, "--device", target.name, "--to", "."]
    header = header_name(target.name)
    is_safe = target.file.endswith(".yaml") and _MAKE_SAFE.fullmatch(target.file)
    dependency = f"\n{header}: {target.file}\n\t$(MAKE) --no-print-directory board\n"
    return _MAKEFILE.format(
        device=target.name,
        port=port,
        header=header,
        new=shlex.join(words).replace("$", "$$") if target.file.isprintable() else "false",
        dependency=dependency if is_safe else "",
    )


def _words(target: Target, *, indent: int) -> dict[str, str]:
    name, sends = prefix(target.name), target.device.sends
    tick = "amp_device_tick(&device, amp_port_now_us(), NULL);\n"
    if sends:
        tick = "sense(sensed);\namp_device_tick(&device, amp_port_now_us(), sensed);\n"
    parts = _PARTS.format(
        watchdog=WATCHDOG_US if target.device.emulator is None else EMULATED_WATCHDOG_US,
        sense="".join(_sense(target, name)),
        drive="".join(_drive(target, name)),
    )
    turn = _TURN.format(tick=tick)
    return {
        "device": target.name,
        "header": header_name(target.name),
        "name": name,
        "parts": parts,
        "start": _START.format(name=name),
        "sensed": f"    static float sensed[{name}_SENDS_COUNT];\n" if sends else "",
        "turn": "".join(f"{' ' * indent}{line}\n" for line in turn.splitlines()),
    }


def _sense(target: Target, name: str) -> Iterator[str]:
    if not target.device.sends:
        return
    yield "/* Read the sensors. */\n"
    yield "static void sense(float *sensed) {\n"
    for signal, one in target.device.sends.items():
        nearest = min(max(0.0, one.range[0]), one.range[1])
        yield f"    sensed[{name}_SEND_{signal.upper()}] = {c_float(nearest)};"
        yield f" /* {comment(one.unit)} */\n"
    yield "}\n\n"


def _drive(target: Target, name: str) -> Iterator[str]:
    for parameter, number in target.device.parameters.items():
        yield f"    (void)amp_device_parameter(&device, {name}_PARAMETER_{parameter.upper()});"
        yield f" /* {comment(number.unit)} */\n"
    for signal, one in target.device.accepts.items():
        yield f"    (void)amp_device_output(&device, {name}_ACCEPT_{signal.upper()});"
        yield f" /* {comment(one.unit)} */\n"
