"""The files of a firmware's folder: which there are, and whose.

Rules. Pure. The header is ours and written anew; all others are the user's as soon as they are
there. An Arduino sketch has the name of its folder, as Arduino demands.
"""

from __future__ import annotations

from dataclasses import dataclass

from amphost.firmware.header import Target, header_name, header_text
from amphost.firmware.skeleton import main_text, makefile_text, sketch_text
from amphost.firmware.targets import ARDUINO

__all__ = ["GeneratedFile", "first_difference", "generated_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedFile:
    """A file by its name in the folder.

    Synchronization: none required; immutable.
    """

    name: str
    text: str
    is_ours: bool


def generated_files(target: Target, port: str, folder: str) -> tuple[GeneratedFile, ...]:
    """Return what a folder of the name `folder` begins with; the header first."""
    header = GeneratedFile(name=header_name(target.name), text=header_text(target), is_ours=True)
    if port == ARDUINO:
        yours = {f"{folder}.ino": sketch_text(target)}
    else:
        yours = {"main.c": main_text(target), "Makefile": makefile_text(target, port)}
    rest = [GeneratedFile(name=name, text=text, is_ours=False) for name, text in yours.items()]
    return (header, *rest)


def first_difference(old: str, new: str) -> tuple[int, str, str]:
    """Return the number of the first line that differs, and both; the texts are not equal."""
    old_lines, new_lines = old.splitlines(), new.splitlines()
    at = 0
    while old_lines[at : at + 1] == new_lines[at : at + 1] != []:
        at += 1
    return at + 1, "".join(old_lines[at : at + 1]), "".join(new_lines[at : at + 1])
