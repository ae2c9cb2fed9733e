"""The plan of the last start, taken again where nothing that it was made of has changed.

Rules. Reading a spec and making a plan imports PyYAML and pydantic, which is most of a start. A
plan is kept with all that it was made of: every question that was asked of the file system with its
answer (the files whole, not a hash of them), the machine's facts, the working directory, the files
of this program. If one of them differs, everything is read anew; what is wrong with a file is
never kept, so it is told every time. Only `run` uses it, its report says so, and `--fresh` does
without. The folder must be this user's and nobody else's (0700); a damaged or foreign one is
neither read nor written.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from amphost import __version__, lean_json, private_folder
from amphost.cli.lasting import making_what_lasts
from amphost.machine import read_machine, to_json
from amphost.spec import files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amphost.cli.prepare import Made
    from amphost.machine import Machine
    from amphost.plan.model import Plan

    Attachment = tuple[str, str, bytes]
    Prepared = tuple[Plan, list[Attachment], bool]

BYTES_MAX = 1 << 20
KEPT_MAX = 32
"""Plans in the folder; the oldest goes first."""
_PARTS = ("", "cli", "laws", "plan", "spec")
_LIBRARIES = ("yaml/__init__.py", "pydantic/version.py", "pydantic_core/__init__.py")
PASSING = ("boot_id", "memory_available")
"""Facts of the machine that no plan is made of (a test holds the plan to it)."""
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
_SUFFIX = ".plan"


def prepare_kept(
    file: str, done: Callable[[str], None], *, fresh: bool = False, fold: bool = False
) -> Prepared:
    """Return plan and attachments as `prepare` does, and whether they were kept from before."""
    question = lean_json.dumps([__version__, sys.version, file, str(Path.cwd()), fold, program()])
    entry = None if fresh else _find(question)
    if entry is not None and all(files.still(tuple(sight)) for sight in entry["seen"]):
        done("spec")
        machine = read_host(entry["ports"])
        plan = _plan(entry) if lasting(machine) == entry["machine"] else None
        if plan is not None:
            done("plan")
            spec, board, text = entry["texts"]
            return plan, attachments(spec, board, text, machine), True
    with making_what_lasts():
        from amphost.cli.prepare import prepare_noted  # spec, plan and laws, pydantic and yaml

        made = prepare_noted(file, done, fold=fold)
    if not fresh:
        _keep(question, made)
    return made.plan, attachments(*made.texts, made.machine), False


def read_host(ports: Sequence[str]) -> Machine:
    """Read this machine, with the ports that a spec needs."""
    return read_machine(
        allowed=os.sched_getaffinity(0), page_size=os.sysconf("SC_PAGESIZE"), ports=ports
    )


def attachments(spec: str, board: str, plan: str, machine: Machine) -> list[Attachment]:
    """Return what belongs beside a recording."""
    return [
        ("spec.yaml", "application/yaml", spec.encode()),
        ("board.yaml", "application/yaml", board.encode()),
        ("plan.json", "application/json", plan.encode()),
        ("machine.json", "application/json", to_json(machine).encode()),
    ]


def lasting(machine: Machine) -> dict[str, Any]:
    """Return the facts that a plan may be made of, as JSON has them."""
    facts: dict[str, Any] = lean_json.loads(to_json(machine).encode())
    return {name: fact for name, fact in facts.items() if name not in PASSING}


def program(package: str = PACKAGE) -> list[list[Any]]:
    """Return name, time and size of each file that decides what a plan is."""
    found = []
    for part in _PARTS:
        with os.scandir(os.path.join(package, part)) as entries:  # noqa: PTH118 - pathlib is slow here
            ours = [one for one in entries if one.name.endswith(".py")]
        found += [_facts(f"{part}/{one.name}", one.stat()) for one in ours]
    for name in _LIBRARIES:
        for place in sys.path:
            try:
                found.append(_facts(name, os.stat(f"{place}/{name}")))  # noqa: PTH116 - likewise
                break
            except OSError:
                continue
    return sorted(found)


def _facts(name: str, facts: os.stat_result) -> list[Any]:
    return [name, facts.st_mtime_ns, facts.st_size]


def _plan(entry: dict[str, Any]) -> Plan | None:
    from amphost.plan.stored import from_text

    try:
        return from_text(entry["plan"])
    except ValueError:
        return None


def _find(question: str) -> dict[str, Any] | None:
    """Return what is kept for a question; None for nothing, and for what is not as we wrote it."""
    try:
        folder = _folder(make=False)
    except OSError:
        return None
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(_name(question), flags, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as stream:
            if not private_folder.is_ours(os.fstat(descriptor), stat.S_IFREG):
                return None
            check, _, text = stream.read(BYTES_MAX + 1).partition(b"\n")
        if check != _check(text):
            return None
        entry = lean_json.loads(text)
    except (OSError, ValueError):
        return None
    finally:
        os.close(folder)
    return entry if isinstance(entry, dict) and entry.get("question") == question else None


def _keep(question: str, made: Made) -> None:
    """Keep a plan, if it can be stored and the folder is ours; a start never fails for it."""
    from amphost.plan.stored import to_text

    try:
        seen = [[asked, path, _text(answer)] for asked, path, answer in made.seen]
        entry = {
            "question": question,
            "seen": seen,
            "ports": list(made.ports),
            "machine": lasting(made.machine),
            "plan": to_text(made.plan),
            "texts": list(made.texts),
        }
        text = lean_json.dumps(entry).encode()
        folder = _folder(make=True)
    except (OSError, TypeError, ValueError):
        return
    try:
        if len(text) < BYTES_MAX:
            _write(folder, _name(question), _check(text) + b"\n" + text)
    except OSError:
        pass  # a full disk, a folder that is read-only: the next start reads its spec again
    finally:
        os.close(folder)


def _text(answer: object) -> object:
    return answer.decode() if isinstance(answer, bytes) else answer


def _write(folder: int, name: str, content: bytes) -> None:
    """Write a file whole or not at all, and make room for it."""
    kept = [one for one in os.listdir(folder) if one.endswith(_SUFFIX) and one != name]
    kept.sort(key=lambda one: os.stat(one, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
    for one in kept[: max(len(kept) - KEPT_MAX + 1, 0)]:
        os.unlink(one, dir_fd=folder)
    unfinished = f"{name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, 0o600, dir_fd=folder), "wb") as stream:
        stream.write(content)
    os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)


def _folder(*, make: bool) -> int:
    """Open the folder; OSError where it is not there, or not this user's alone."""
    path = private_folder.cache_folder()
    if make:
        private_folder.make(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        private_folder.need_ours(path, os.fstat(descriptor), stat.S_IFDIR)
    except PermissionError:
        os.close(descriptor)
        raise
    return descriptor


def _name(question: str) -> str:
    return f"{crc32(question.encode()):08x}{_SUFFIX}"


def _check(text: bytes) -> bytes:
    return b"%08x" % crc32(text)
