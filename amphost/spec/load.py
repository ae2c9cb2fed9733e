"""Read a spec and its board from files, with every problem at once.

Rules. With `files` the only part of this layer that opens files; it reads no clock and looks at no
machine.
Raises SpecError and nothing else for anything that a file can hold. Messages name files as the
caller typed them; what a spec names stands beside it, but for a board named by its bare name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from amphost.errors import SpecError
from amphost.laws.blocks import BlockSpec
from amphost.spec.c_code import CCode, find_code
from amphost.spec.check import check_spec
from amphost.spec.check_values import board_problems
from amphost.spec.class_file import ClassPlace, find_class
from amphost.spec.decode import Decoded, Holes, decode_model
from amphost.spec.executable import find_executable
from amphost.spec.files import is_file, read_bytes
from amphost.spec.law import c_file
from amphost.spec.model import Board, ControlRole, ExecRole, PythonRole, RoleSpec, Spec
from amphost.spec.plants import CPlantSpec
from amphost.spec.positions import KeyPath, Positions, Problem, show
from amphost.spec.profile import Points, read_profile
from amphost.spec.program_roles import worker_names, workers_of
from amphost.spec.shared_io import with_shared
from amphost.spec.shipped_schema import shipped_board_schema, shipped_spec_schema
from amphost.spec.text import BYTES_MAX, decode
from amphost.spec.wording import did_you_mean
from amphost.spec.yaml_strict import Document, read

__all__ = ["PROFILE_BYTES_MAX", "LoadedSpec", "load", "load_board"]

PROFILE_BYTES_MAX = 4 * 1024 * 1024
_SUFFIX = ".yaml"
# What stands in for something missing, so that reading can go on to the next problem.
_UNREAD = "unread"
_SPEC_STAND_INS: Mapping[str, object] = {
    "name": _UNREAD,
    "board": _UNREAD,
    "safety": {"safe_within_ms": 1.0},
    "roles": {_UNREAD: {"kind": "telemetry", "core": 0}},
}
_ROLE_STAND_INS: Mapping[str, object] = {
    "core": 0,
    "priority": 1,
    "rate_hz": 1.0,
    "class": f"{_UNREAD}.py:Unread",
    "command": ["true"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSpec:
    """A valid spec with everything that it refers to.

    Synchronization: none required; immutable.
    """

    spec: Spec
    board: Board
    path: Path
    text: str
    board_path: Path
    board_text: str
    profiles: Mapping[str, Points]  # operator name -> (s, value)
    laws: Mapping[str, tuple[BlockSpec, ...]]  # control role -> its blocks in the file's order
    where: Positions
    board_where: Positions
    classes: Mapping[str, ClassPlace] = field(default_factory=dict)  # role -> its class
    executables: Mapping[str, str] = field(default_factory=dict)  # role -> its program's file
    codes: Mapping[KeyPath, CCode] = field(default_factory=dict)  # of ("roles", x), ("devices", x)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BoardFile:
    path: Path
    text: str
    document: Document
    decoded: Decoded[Board]


@dataclass(slots=True)
class _Lines:
    """The messages of one load. Synchronization: one thread."""

    lines: list[str] = field(default_factory=list)

    def add(self, where: Positions, problems: Sequence[Problem]) -> None:
        """Add problems of one file."""
        self.lines += where.lines(problems)


def load(path: Path, *, boards: Sequence[Path], compiled: bool = True) -> LoadedSpec:
    """Read `path`; look for its board by name in the folders `boards`, in that order.

    Without `compiled`, its C files need not be compiled yet.
    """
    text = decode(read_bytes(path, BYTES_MAX), str(path))
    document = read(text, str(path))
    decoded = decode_model(Spec, document, schema=shipped_spec_schema, stand_in=_in_spec)
    problems = list(decoded.problems)
    beside = _Lines()
    spec, holes = decoded.model, decoded.holes
    if spec is None:
        raise SpecError(document.where.lines(problems))
    found = None if holes.at("board") else _board(path, spec, boards, problems, beside)
    board = None if found is None else found.decoded.model
    laws, more = check_spec(spec, board, holes)
    profiles = _profiles(path, spec, problems, beside)
    classes = _classes(path, spec, holes, problems, beside)
    executables = _executables(path, spec, holes, problems)
    build = f"amphost build {quote(str(path))}" if compiled else ""
    codes = _laws_in_c(path, spec, holes, build, problems, beside)
    codes.update(_plants_in_c(found, build, beside))
    codes.update(_firmware(found, build, beside))
    lines = [*document.where.lines([*problems, *more]), *beside.lines]
    if lines or found is None or board is None:
        raise SpecError(lines)
    return LoadedSpec(
        spec=with_shared(_with_workers(spec)),
        board=board,
        path=path,
        text=text,
        board_path=found.path,
        board_text=found.text,
        profiles=profiles,
        laws=laws,
        where=document.where,
        board_where=found.document.where,
        classes=classes,
        executables=executables,
        codes=codes,
    )


def load_board(path: Path) -> Board:
    """Read a board file by itself."""
    found = _read_board(path)
    board = found.decoded.model
    problems = _board_problems(found)
    if problems or board is None:
        raise SpecError(found.document.where.lines(problems))
    return board


def _in_spec(path: KeyPath) -> object:
    if len(path) == 3 and path[0] == "roles":
        return _ROLE_STAND_INS.get(str(path[2]))
    return _SPEC_STAND_INS.get(str(path[0])) if len(path) == 1 else None


def _in_board(path: KeyPath) -> object:
    return _UNREAD if path == ("name",) else None


def _read_board(path: Path) -> _BoardFile:
    text = decode(read_bytes(path, BYTES_MAX), str(path))
    document = read(text, str(path))
    decoded = decode_model(Board, document, schema=shipped_board_schema, stand_in=_in_board)
    return _BoardFile(path=path, text=text, document=document, decoded=decoded)


def _board_problems(found: _BoardFile) -> list[Problem]:
    board = found.decoded.model
    if board is None:
        return list(found.decoded.problems)
    return [*found.decoded.problems, *board_problems(board, found.decoded.holes)]


def _board(
    path: Path, spec: Spec, boards: Sequence[Path], problems: list[Problem], beside: _Lines
) -> _BoardFile | None:
    """Find and read the board; None with the problems added."""
    named = spec.board
    if "/" in named or named.endswith(_SUFFIX):
        place = path.parent / named
        if not is_file(place):
            rule, remedy = f"there is no file {show(str(place))}", "correct the path"
            problems.append(Problem(path=("board",), rule=rule, remedy=remedy))
            return None
    else:
        places = [folder / f"{named}{_SUFFIX}" for folder in boards]
        here = next((one for one in places if is_file(one)), None)
        if here is None:
            problems.append(_no_board(named, boards))
            return None
        place = here
    try:
        found = _read_board(place)
    except SpecError as error:
        beside.lines += error.problems
        return None
    wrong = _board_problems(found)
    beside.add(found.document.where, wrong)
    return None if wrong else found


def _no_board(named: str, boards: Sequence[Path]) -> Problem:
    known = sorted({one.stem for folder in boards for one in folder.glob(f"*{_SUFFIX}")})
    there = f"the boards here are {', '.join(known)}" if known else "there are no boards here"
    remedy = f"{did_you_mean(named, known)}{there}, or give the path of a file (x.yaml)"
    return Problem(path=("board",), rule=f"there is no board {show(named)}", remedy=remedy)


def _profiles(path: Path, spec: Spec, problems: list[Problem], beside: _Lines) -> dict[str, Points]:
    profiles: dict[str, Points] = {}
    for name, value in spec.operator.items():
        if value.profile is None or not value.range[0] < value.range[1]:
            continue
        at: KeyPath = ("operator", name, "profile")
        file = path.parent / value.profile
        if not is_file(file):
            rule, remedy = f"there is no file {show(str(file))}", "correct the path"
            problems.append(Problem(path=at, rule=rule, remedy=remedy))
            continue
        try:
            text = decode(
                read_bytes(file, PROFILE_BYTES_MAX, at), str(file), most=PROFILE_BYTES_MAX, path=at
            )
        except SpecError as error:
            beside.lines += error.problems
            continue
        profiles[name], wrong = read_profile(text, name, value.range, at)
        beside.add(Positions(file=str(file), values={}, keys={}), wrong)
    return profiles


def _classes(
    path: Path, spec: Spec, holes: Holes, problems: list[Problem], beside: _Lines
) -> dict[str, ClassPlace]:
    classes: dict[str, ClassPlace] = {}
    for name, role in spec.roles.items():
        at: KeyPath = ("roles", name, "class")
        if not isinstance(role, PythonRole) or holes.at(*at):
            continue
        place, wrong, lines = find_class(role.class_, path.parent, at)
        problems += wrong
        beside.lines += lines
        if place is not None:
            classes[name] = place
        below: KeyPath = ("roles", name, "workers", "class")
        if role.workers is not None and not holes.at(*below):
            place, wrong, lines = find_class(role.workers.class_, path.parent, below, "work")
            problems += wrong
            beside.lines += lines
            if place is not None:
                classes.update(dict.fromkeys(worker_names(name, role), place))
    return classes


def _laws_in_c(
    path: Path, spec: Spec, holes: Holes, build: str, problems: list[Problem], beside: _Lines
) -> dict[KeyPath, CCode]:
    codes: dict[KeyPath, CCode] = {}
    for name, role in spec.roles.items():
        file = c_file(role.law) if isinstance(role, ControlRole) else None
        at: KeyPath = ("roles", name, "law", "c")
        if file is not None and not holes.at(*at):
            code, wrong, lines = find_code(file, path.parent, at, "law", build)
            problems += wrong
            beside.lines += lines
            if code is not None:
                codes["roles", name] = code
    return codes


def _plants_in_c(found: _BoardFile | None, build: str, beside: _Lines) -> dict[KeyPath, CCode]:
    codes: dict[KeyPath, CCode] = {}
    board = None if found is None else found.decoded.model
    if found is None or board is None:
        return codes
    for name, device in board.devices.items():
        plant = None if device.loopback is None else device.loopback.plant
        if isinstance(plant, CPlantSpec):
            at: KeyPath = ("devices", name, "loopback", "plant", "file")
            code, wrong, lines = find_code(plant.file, found.path.parent, at, "plant", build)
            beside.add(found.document.where, wrong)
            beside.lines += lines
            if code is not None:
                codes["devices", name] = code
    return codes


def _firmware(found: _BoardFile | None, build: str, beside: _Lines) -> dict[KeyPath, CCode]:
    board = None if found is None else found.decoded.model
    if found is None or board is None:
        return {}
    if all(device.emulator is None for device in board.devices.values()):
        return {}
    from amphost.spec.firmware import find_firmware  # no other system pays for it

    codes, wrong = find_firmware(found.path.parent, board, build)
    beside.add(found.document.where, wrong)
    return codes


def _with_workers(spec: Spec) -> Spec:
    """Return a spec in which every worker is a role of its own, behind that which it works for."""
    roles: dict[str, RoleSpec] = {}
    for name, role in spec.roles.items():
        roles[name] = role
        if isinstance(role, PythonRole):
            roles.update(workers_of(name, role))
    return spec.model_copy(update={"roles": roles})


def _executables(path: Path, spec: Spec, holes: Holes, problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, role in spec.roles.items():
        at: KeyPath = ("roles", name, "command", 0)
        if not isinstance(role, ExecRole) or holes.at(*at):
            continue
        program = find_executable(role.command[0], path.parent, at)
        if isinstance(program, Problem):
            problems.append(program)
        else:
            found[name] = program
    return found
