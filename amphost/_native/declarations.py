"""Turn a C header into the declarations that cffi parses.

Rules. Pure: text in, text out. Comments go, and so do preprocessor lines, but that an object-like
macro with an integer value becomes `#define NAME ...`, whose value the C compiler fills in; so do
`_Static_assert` and `_Noreturn`, which say nothing about calling. An array size or an enumerator
that is not a plain number becomes `...`, filled in likewise. Structs stay as they are written, and
so do opaque ones, pointers to functions and variadic functions. What cffi cannot see (`inline`,
`_Atomic`, attributes, `va_list`, declarations under a condition) raises `DeclarationError` with the
line: it is never dropped in silence, because Python would then see another header than C does.
Constants that a build may set before (`#ifndef NAME`, `#define NAME`, `#endif`) are fine: the
compiler fills them in.
"""

from __future__ import annotations

import re

__all__ = ["DeclarationError", "declarations", "includes"]

_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)[ \t]*(.*?)[ \t]*$")
_OBJECT_MACRO = re.compile(r"^(\w+)(?:[ \t]+(.+))?$")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_SUFFIXED = re.compile(r"\b(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*\b")
_CONSTANT_WORD = re.compile(rf"{_NUMBER.pattern}|U?INT(8|16|32|64)_C")
_CONSTANT_TEXT = re.compile(r"[\w\s()+\-*/%<>|&^~]+")
_SIZE_OR_PARENTHESIS = re.compile(r"\[([^\[\]]*)\]|[()]")
_ENUM = re.compile(r"\benum\b[^{};()]*\{[^}]*\}")
_ENUMERATOR = re.compile(r"=\s*([^,}]+?)(?=\s*[,}])")
_FORBIDDEN = re.compile(
    r"\b(inline|_Atomic|_Alignas|_Thread_local|__\w+|va_list|volatile|register)\b"
)


class DeclarationError(Exception):
    """A header says what cffi cannot be told."""


def includes(text: str) -> list[str]:
    """List the names of the headers that `text` includes with quotes."""
    return _INCLUDE.findall(_without_comments(text))


def declarations(text: str, name: str, known: set[str] | None = None) -> str:
    """Extract the declarations of the header `name`, whose contents are `text`.

    `known` are the integer macros of the headers before it; this header's are added.
    """
    macros = set() if known is None else known
    code = "\n".join(_without_preprocessor(_without_comments(text), name, macros))
    for match in _FORBIDDEN.finditer(code):
        raise DeclarationError(f"{_at(name, code, match.start())}: cffi knows no {match.group()}")
    code = _without_static_asserts(code, name)
    code = re.sub(r"\b_Noreturn\b\s*", "", code)
    code = _ENUM.sub(lambda enum: _ENUMERATOR.sub(_enumerator, enum.group()), code)
    code = _with_array_sizes(code)
    code = re.sub(r"[ \t]+$", "", code, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", code).strip() + "\n"


def _at(name: str, code: str, offset: int) -> str:
    return f"{name}:{code.count(chr(10), 0, offset) + 1}"


def _without_comments(text: str) -> str:
    """Replace comments by as many line ends as they had, so that line numbers stay."""

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        return found if found.startswith('"') else " " + "\n" * found.count("\n")

    return _COMMENT.sub(blank, text)


def _without_preprocessor(text: str, name: str, known: set[str]) -> list[str]:
    """Drop directives and keep integer macros; line n of the answer is line n of `text`."""
    kept: list[str] = []
    opened: list[str] = []
    for line in text.replace("\\\n", "\x00").split("\n"):
        flat = line.replace("\x00", " ")
        where = f"{name}:{len(kept) + 1}"
        match = _DIRECTIVE.match(flat)
        if match is not None:
            kept.append(_directive(match.group(1), match.group(2), opened, known, where))
        elif "skip" in opened:
            kept.append("")
        elif "constants" in opened and flat.strip():
            raise DeclarationError(f"{where}: a declaration under #ifndef depends on the build")
        else:
            kept.append(flat)
        kept.extend([""] * line.count("\x00"))
    return kept


def _directive(word: str, rest: str, opened: list[str], known: set[str], where: str) -> str:
    """Take one directive in; answer what cffi shall read in its place."""
    if word in ("if", "ifdef", "ifndef"):
        opened.append(_conditional(word, rest, first=not opened, where=where))
    elif word == "endif" and opened:
        opened.pop()
    elif word not in ("include", "define", "pragma"):
        raise DeclarationError(f"{where}: declarations under #{word} depend on the build")
    elif word == "define" and "skip" not in opened and _is_integer_macro(rest, known):
        macro = rest.split(maxsplit=1)[0]
        known.add(macro)
        return f"#define {macro} ..."
    return ""


def _conditional(word: str, rest: str, *, first: bool, where: str) -> str:
    """Say what a conditional is: the guard, C++'s part, or constants that a build may set."""
    if word == "ifdef" and rest == "__cplusplus":
        return "skip"
    if word == "ifndef" and re.fullmatch(r"\w+", rest):
        return "guard" if first else "constants"
    raise DeclarationError(f"{where}: declarations under #{word} {rest} depend on the build")


def _is_integer_macro(definition: str, known: set[str]) -> bool:
    """Tell whether `NAME value` defines an integer out of literals and macros seen before."""
    match = _OBJECT_MACRO.match(definition)
    if match is None or match.group(2) is None:
        return False
    value = _SUFFIXED.sub(r"\1", match.group(2))
    words = re.findall(r"\w+", value)
    return (
        _CONSTANT_TEXT.fullmatch(value) is not None
        and bool(words)
        and all(_CONSTANT_WORD.fullmatch(word) or word in known for word in words)
    )


def _without_static_asserts(code: str, name: str) -> str:
    """Drop every `_Static_assert(...);`, which may hold parentheses and a text."""
    while (start := code.find("_Static_assert")) >= 0:
        depth, end = 0, start
        in_text = False
        for end in range(start, len(code)):
            letter = code[end]
            in_text ^= letter == '"' and code[end - 1] != "\\"
            depth += (letter == "(") - (letter == ")") if not in_text else 0
            if letter == ";" and depth == 0 and not in_text:
                break
        else:
            raise DeclarationError(f"{_at(name, code, start)}: _Static_assert does not end")
        code = code[:start] + "\n" * code.count("\n", start, end) + code[end + 1 :]
    return code


def _with_array_sizes(code: str) -> str:
    """Leave sizes to the compiler but for plain numbers; a parameter is a pointer anyway."""
    depth = 0

    def size(match: re.Match[str]) -> str:
        nonlocal depth
        if match.group(1) is None:
            depth += 1 if match.group() == "(" else -1
            return match.group()
        text = match.group(1).strip()
        if text == "" or _NUMBER.fullmatch(text):
            return f"[{text}]"
        return "[]" if depth > 0 else "[...]"

    return _SIZE_OR_PARENTHESIS.sub(size, code)


def _enumerator(match: re.Match[str]) -> str:
    value = match.group(1)
    return match.group() if re.fullmatch(r"-?\s*\d+|0[xX][0-9a-fA-F]+", value) else "= ..."
