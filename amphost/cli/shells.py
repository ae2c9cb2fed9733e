"""Completion files for shells, written from what the verbs themselves declare.

Rules. Pure. Nothing of amphost runs while somebody completes: the words stand in the file, and the
names of running systems are those of the sockets in the runtime directory. An argument that is a
path completes files, one that names a running system those names, one with choices its choices;
any other completes nothing. What the help leaves out is left out here.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Argument", "VerbWords", "bash", "fish", "words_of", "zsh"]

FILE = "file"
SYSTEM = "system"
_FILES = ("file", "recording", "to")
_TOP = ("-h", "--help", "--version")

_SYSTEMS = """\
_amphost_systems() {
    local base socket
    if [ "$EUID" -eq 0 ]; then base=/run/amphost
    elif [ -n "$XDG_RUNTIME_DIR" ]; then base=$XDG_RUNTIME_DIR/amphost
    else base=/tmp/amphost-$EUID
    fi
    for socket in "$base"/*/control.sock%s; do
        if [ -S "$socket" ]; then socket=${socket%%/control.sock} && echo "${socket##*/}"; fi
    done
}
"""


_SYSTEMS_FISH = """\
function __amphost_systems
    set -l base /tmp/amphost-(id -u)
    if test (id -u) -eq 0
        set base /run/amphost
    else if test -n "$XDG_RUNTIME_DIR"
        set base $XDG_RUNTIME_DIR/amphost
    end
    for socket in $base/*/control.sock
        basename (dirname $socket)
    end
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An option, or without `flags` a word that stands by itself; `text` is its help.

    Synchronization: none required; immutable.
    """

    flags: tuple[str, ...]
    text: str
    name: str  # of its value; empty: it takes none
    kind: str  # file, system, or empty
    choices: tuple[str, ...]
    several: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbWords:
    """What may stand behind a verb.

    Synchronization: none required; immutable.
    """

    name: str
    text: str
    arguments: tuple[Argument, ...]

    @property
    def options(self) -> tuple[Argument, ...]:
        """Return those that begin with a dash."""
        return tuple(one for one in self.arguments if one.flags)

    @property
    def places(self) -> tuple[Argument, ...]:
        """Return those that stand by themselves."""
        return tuple(one for one in self.arguments if not one.flags)


def words_of(name: str, text: str, parser: argparse.ArgumentParser) -> VerbWords:
    """Read what a verb's parser takes."""
    shown = [one for one in parser._actions if one.help != argparse.SUPPRESS]  # noqa: SLF001 - it has no other list
    return VerbWords(name=name, text=text, arguments=tuple(_argument(one) for one in shown))


def _argument(action: argparse.Action) -> Argument:
    kind = FILE if action.type is Path or action.dest in _FILES else ""
    kind = SYSTEM if action.dest == SYSTEM else kind
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    return Argument(
        flags=tuple(action.option_strings),
        text=(action.help or "").replace("%%", "%"),
        name="" if action.nargs == 0 else metavar,
        kind=kind,
        choices=tuple(map(str, action.choices or ())),
        several=action.nargs in ("*", "+"),
    )


def bash(verbs: Sequence[VerbWords]) -> str:
    """Write the file for bash."""
    values = [
        f"    {verb.name}:{flag}) {_bash_words(option.choices, option.kind)} ;;"
        for verb in verbs
        for option in verb.options
        if option.name
        for flag in option.flags
    ]
    behind = []
    for verb in verbs:
        words = [flag for option in verb.options for flag in option.flags]
        words += [word for place in verb.places for word in place.choices]
        kind = next((place.kind for place in verb.places if place.kind), "")
        behind.append(f"    {verb.name}:*) {_bash_words(words, kind)} ;;")
    lines = [
        "# Completion of amphost for bash, printed by `amphost completion bash`.",
        _SYSTEMS % "",
        "_amphost() {",
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        "    local verb='' words='' kind='' i",
        "    COMPREPLY=()",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        "        if [[ ${COMP_WORDS[i]} != -* ]]; then verb=${COMP_WORDS[i]} && break; fi",
        "    done",
        "    case $verb:$before in",
        *values,
        f"    :*) words={shlex.quote(' '.join([*(verb.name for verb in verbs), *_TOP]))} ;;",
        *behind,
        "    esac",
        '    if [[ $kind == system ]]; then words+=" $(_amphost_systems)"; fi',
        "    if [[ $kind == file && $word != -* ]]; then",
        "        compopt -o filenames 2>/dev/null",
        '        mapfile -t COMPREPLY < <(compgen -f -- "$word")',
        "        return",
        "    fi",
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")',
        "}",
        "complete -F _amphost amphost",
    ]
    return "\n".join(lines) + "\n"


def _bash_words(words: Iterable[str], kind: str) -> str:
    parts = [f"words={shlex.quote(' '.join(words))}"] if words else []
    parts += [f"kind={kind}"] if kind else []
    return " ".join(parts) or ":"


def zsh(verbs: Sequence[VerbWords]) -> str:
    """Write the file for zsh: for a folder of `fpath`, or to be sourced."""
    known = [f"        {_quoted(f'{verb.name}:{verb.text}')}" for verb in verbs]
    cases = []
    for verb in verbs:
        specs = [_zsh_option(option) for option in verb.options]
        specs += [_zsh_place(place) for place in verb.places]
        taken = " \\\n".join(f"            {_quoted(spec)}" for spec in specs)
        cases.append(f"    {verb.name})\n        _arguments \\\n{taken}\n        ;;")
    lines = [
        "#compdef amphost",
        "# Completion of amphost for zsh, printed by `amphost completion zsh`.",
        _SYSTEMS % "(N)",
        "_amphost_system() {",
        '    compadd -- ${(f)"$(_amphost_systems)"}',
        "}",
        "",
        "_amphost() {",
        "    local -a verbs",
        "    verbs=(",
        *known,
        "    )",
        "    if (( CURRENT == 2 )); then",
        "        _describe verb verbs",
        f"        compadd -- {' '.join(_TOP)}",
        "        return",
        "    fi",
        "    local verb=$words[2]",
        "    shift words",
        "    (( CURRENT-- ))",
        "    case $verb in",
        *cases,
        "    esac",
        "}",
        "",
        'if [[ $funcstack[1] == _amphost ]]; then _amphost "$@"; else compdef _amphost amphost; fi',
    ]
    return "\n".join(lines) + "\n"


def _zsh_option(option: Argument) -> str:
    value = f":{_zsh_text(option.name)}:{_zsh_values(option)}" if option.name else ""
    flag = option.flags[-1]
    return f"{flag}[{_zsh_text(option.text)}]{value}"


def _zsh_place(place: Argument) -> str:
    prefix = "*" if place.several else ""
    return f"{prefix}:{_zsh_text(place.name)}:{_zsh_values(place)}"


def _zsh_values(argument: Argument) -> str:
    if argument.choices:
        return f"({' '.join(argument.choices)})"
    return {FILE: "_files", SYSTEM: "_amphost_system"}.get(argument.kind, " ")


def _zsh_text(text: str) -> str:
    for mark in "\\[]:":
        text = text.replace(mark, f"\\{mark}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish(verbs: Sequence[VerbWords]) -> str:
    """Write the file for fish."""
    begin = "complete -c amphost"
    alone = f"{begin} -n __fish_use_subcommand"
    lines = [
        "# Completion of amphost for fish, printed by `amphost completion fish`.",
        _SYSTEMS_FISH,
        f"{begin} -f",
        f"{alone} -s h -l help",
        f"{alone} -l version",
        *(f"{alone} -a {verb.name} -d {_fish_quoted(verb.text)}" for verb in verbs),
    ]
    for verb in verbs:
        behind = f"{begin} -n '__fish_seen_subcommand_from {verb.name}'"
        lines += [f"{behind} {_fish_option(option)}" for option in verb.options]
        places = [_fish_values(place) for place in verb.places]
        lines += [f"{behind} {values}" for values in places if values]
    return "\n".join(lines) + "\n"


def _fish_option(option: Argument) -> str:
    names = [f"-l {flag[2:]}" if flag[:2] == "--" else f"-s {flag[1:]}" for flag in option.flags]
    if option.name:
        names.append("-r" if option.kind == FILE else "-x")
        names += filter(None, [_fish_values(option)])
    return " ".join([*names, "-d", _fish_quoted(option.text)])


def _fish_values(argument: Argument) -> str:
    if argument.choices:
        return f"-a {_fish_quoted(' '.join(argument.choices))}"
    return {FILE: "-F", SYSTEM: "-a '(__amphost_systems)'"}.get(argument.kind, "")


def _fish_quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
