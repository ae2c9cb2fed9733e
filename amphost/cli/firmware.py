"""`amphost firmware new|size|path`: the firmware of a device, from its board file.

Rules. `new` writes a header that is ours and files that are the user's from then on; `size` reads
what a compiler has made. No compiler is called here, and no device is touched.
"""

from __future__ import annotations

import argparse

_ABOUT = """\
new BOARD    write the C header of a device's signals, and once main.c and a Makefile (or a sketch)
size [PLACE] say what a firmware takes of its microcontroller: an ELF file, or the folder of some
path         print where the device library is, for a build of your own
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    from amphost.firmware.targets import port_names

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _ABOUT
    parser.add_argument("what", choices=("new", "size", "path"), help="what to do")
    parser.add_argument(
        "file",
        nargs="?",
        help="of new: a board file, or a shipped board's name; of size: an ELF file or a folder",
    )
    parser.add_argument("--device", metavar="NAME", help="which device, if the board has several")
    parser.add_argument(
        "--port", choices=port_names(), metavar="PORT", help=f"for what: {', '.join(port_names())}"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", help="where to write (default: the device's name)"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="of new: write nothing; exit 1 if the header is not the board file's any more",
    )
    parser.add_argument("--json", action="store_true", help="print what was done or found as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what is asked; return the exit code."""
    if args.what == "new":
        from amphost.cli import firmware_new

        return firmware_new.run(args)
    if args.what == "size":
        from amphost.cli import firmware_size

        return firmware_size.run(args)
    from amphost.firmware.library import library_folder

    print(library_folder())
    return 0
