"""`amphost build FILE`: compile the C laws, plants and firmware that a spec and its board name.

Rules. The only verb that compiles. Problems of the files come first and nothing is compiled then.
What was made goes to stdout, the compiler's messages to stderr as they are. Exit 1 when a file did
not compile, 69 without a compiler.
"""

from __future__ import annotations

import argparse
import json
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "file", help="a spec whose law, or whose board's plant or firmware, is a C file"
    )
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(args: argparse.Namespace) -> int:
    """Compile every C file of a spec; return the exit code."""
    from amphost.cli.compiling import compile_code, compiler
    from amphost.cli.firmware_compiling import compile_firmware
    from amphost.cli.runner_building import build_runner
    from amphost.spec import shipped
    from amphost.spec.load import load

    path = shipped.find_spec(args.file)
    loaded = load(path, boards=shipped.board_folders(), compiled=False)
    named = [one for one in loaded.codes.values() if one.port or one.kind != "firmware"]
    codes = {(one.kind, one.file, one.port, one.beside): one for one in named}
    ours = any(not one.port for one in named)  # compiled for this machine
    found, version = compiler() if ours else ("", "")
    made = []
    for code in codes.values():
        compiled = compile_firmware(code) if code.port else compile_code(code, found, version)
        library, said = compiled
        sys.stderr.write(said)
        made.append({"kind": code.kind, "source": code.file, "library": library})
        if not args.json:
            print(f"{code.file}: {library or 'not compiled'}", flush=True)
    emulators = [one.emulator for one in loaded.board.devices.values() if one.emulator is not None]
    for machine in dict.fromkeys(one.machine for one in emulators):
        runner = build_runner(machine)
        if runner:
            made.append({"kind": "emulator", "source": machine, "library": runner})
        if runner and not args.json:
            print(f"{machine}: {runner}", flush=True)
    if args.json:
        print(json.dumps({"compiler": version, "made": made}))
    elif not made:
        print(f"{path}: it names no C file")
    return 0 if all(one["library"] for one in made) else 1
