"""One YAML document to plain values, with the line and column of every key and value.

Rules. Works on PyYAML's events, so nothing recurses and no alias is ever expanded; of its two
parsers always the one in Python, since libyaml's accepts other files (`>#`, `!]`) and then a file
would be good on one machine and bad on the next. Refused: a second document, directives, anchors,
aliases, tags, merge keys, duplicate keys, keys that are not one line of text, more than 16 levels.
What a plain scalar means is `spec.scalars`'. A refused value is reported, stands in the result as
its text, and its path in `Document.refused`, so that reading can go on to the next problem. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from amphost.errors import SpecError
from amphost.spec.positions import KeyPath, Place, Positions, Problem, show
from amphost.spec.scalars import Refused, plain
from amphost.spec.text import forbidden
from amphost.spec.yaml_syntax import syntax_problem

__all__ = ["DEPTH_MAX", "Document", "read"]

DEPTH_MAX = 16
_KEY_LENGTH_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says. `root` holds dict, list, str, int, float, bool and None alone.

    Synchronization: none required; do not change `root`.
    """

    root: object
    where: Positions
    problems: tuple[Problem, ...]
    refused: frozenset[KeyPath]


def read(text: str, file: str) -> Document:
    """Read the one document of `text`; SpecError where it cannot be read to its end."""
    reading = _Reading()
    where = Positions(file=file, values=reading.values, keys=reading.keys)
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_event():
            reading.take(loader.get_event())  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = loader.get_mark()
        fatal = syntax_problem(error, (mark.line + 1, mark.column + 1))
        raise SpecError(where.lines([*reading.problems, fatal])) from error
    except _UnreadableError as stop:
        raise SpecError(where.lines([*reading.problems, stop.problem])) from stop
    finally:
        loader.dispose()
    if reading.root is None and not reading.problems:
        problem = Problem(path=(), rule="is empty", remedy="begin with `name: ...`")
        raise SpecError([where.line(problem)])
    return Document(
        root=reading.root,
        where=where,
        problems=tuple(reading.problems),
        refused=frozenset(reading.refused),
    )


class _UnreadableError(Exception):
    """What follows would make no sense. `problem` says why."""

    def __init__(self, path: KeyPath, rule: str, remedy: str, event: yaml.Event) -> None:
        super().__init__(rule)
        self.problem = Problem(path=path, rule=rule, remedy=remedy, place=_place(event))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end was not seen yet."""

    path: KeyPath
    value: dict[str, object] | list[object]
    key: str | None = None  # of a mapping: read, its value still to come
    keep: bool = True  # false: that key was refused, and its value is read over


@dataclass(slots=True)
class _Reading:
    """Builds the values from events. Synchronization: one thread."""

    root: object = None
    values: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: set[KeyPath] = field(default_factory=set)
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        """Take one event."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._document(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            above = self.stack[-1] if self.stack else None
            if above is not None and isinstance(above.value, dict) and above.key is None:
                self._key(above, event)
            else:
                self._value(above, event)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            rule = "a second document begins here"
            raise _UnreadableError((), rule, "keep one `---` part in this file", event)
        begin, end = event.start_mark, event.end_mark
        if begin is not None and end is not None and begin.line != end.line:  # above its `---`
            rule, remedy = "directives (%) are not allowed", "remove the line"
            self._refuse((), rule, remedy, event)

    def _key(self, above: _Open, event: yaml.NodeEvent) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            rule = "this cannot be a key"
            raise _UnreadableError(above.path, rule, "write `key: value`", event)
        above.key = event.value
        above.keep = False
        path = (*above.path, event.value)
        if event.value == "<<" and not event.style:
            self._refuse(path, "merge keys (<<) are not allowed", "write the keys out", event)
        elif event.value == "":
            self._refuse(above.path, "a key is empty", "write `key: value`", event)
        elif len(event.value) > _KEY_LENGTH_MAX or any(map(forbidden, event.value)):
            remedy = f"use at most {_KEY_LENGTH_MAX} printable characters"
            self._refuse(path, "is not a key on one line", remedy, event)
        elif event.value in above.value:
            self._refuse(path, "stands here twice", "keep one of them", event)
        else:
            above.keep = True
            self.keys.setdefault(path, _place(event))
            self._refuse_decoration(path, event)

    def _value(self, above: _Open | None, event: yaml.NodeEvent) -> None:
        path = _path_below(above)
        nothing = isinstance(event, yaml.ScalarEvent) and not event.value and not event.style
        place = self.keys.get(path, _place(event)) if nothing else _place(event)
        self.values.setdefault(path, place)
        self._refuse_decoration(path, event)
        value: object = None
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(path, event)
        elif not isinstance(event, yaml.AliasEvent):
            value = self._open(path, event)
        if above is None:
            self.root = value
        elif isinstance(above.value, list):
            above.value.append(value)
        else:
            if above.keep and above.key is not None:
                above.value[above.key] = value
            above.key = None

    def _open(self, path: KeyPath, event: yaml.NodeEvent) -> dict[str, object] | list[object]:
        if len(self.stack) == DEPTH_MAX:
            rule = f"is nested more than {DEPTH_MAX} levels deep"
            raise _UnreadableError(path, rule, "nest less", event)
        value: dict[str, object] | list[object] = (
            {} if isinstance(event, yaml.MappingStartEvent) else []
        )
        self.stack.append(_Open(path=path, value=value))
        return value

    def _scalar(self, path: KeyPath, event: yaml.ScalarEvent) -> object:
        value = event.value if event.style else plain(event.value)
        if isinstance(value, str):
            hidden = next((one for one in value if one != "\n" and forbidden(one)), None)
            if hidden is not None:
                rule = f"{show(value)} has the invisible character U+{ord(hidden):04X}"
                self._refuse(path, rule, "remove it", event)
        if isinstance(value, Refused):
            self._refuse(path, value.rule, value.remedy, event)
            value = event.value
        return value

    def _refuse_decoration(self, path: KeyPath, event: yaml.NodeEvent) -> None:
        """Refuse a key or value that is an alias, or that carries an anchor or a tag."""
        if isinstance(event, yaml.AliasEvent):
            self._refuse(path, "aliases (*) are not allowed", "write the value again", event)
        elif event.anchor is not None:
            remedy = "remove it, or put text in quotes"
            self._refuse(path, "anchors (&) are not allowed", remedy, event)
        elif getattr(event, "tag", None) is not None:
            remedy = "remove it, or put text in quotes"
            self._refuse(path, "tags (!) are not allowed", remedy, event)

    def _refuse(self, path: KeyPath, rule: str, remedy: str, event: yaml.Event) -> None:
        self.refused.add(path)
        problem = Problem(path=path, rule=rule, remedy=remedy, place=_place(event))
        self.problems.append(problem)


def _path_below(above: _Open | None) -> KeyPath:
    if above is None:
        return ()
    if isinstance(above.value, list):
        return (*above.path, len(above.value))
    return (*above.path, above.key or "")


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    assert mark is not None
    return (mark.line + 1, mark.column + 1)
