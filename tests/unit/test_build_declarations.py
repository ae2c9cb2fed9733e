"""The extractor: what Python sees of a header, and what it refuses to guess."""

from __future__ import annotations

import cffi
import pytest

from amphost._native.declarations import DeclarationError, declarations, includes


def extract(text: str, known: set[str] | None = None) -> str:
    """Extract, and let cffi itself judge the result."""
    result = declarations(text, "amp/x.h", known)
    cffi.FFI().cdef(result)
    return result


def lines(text: str) -> list[str]:
    """Drop the empty lines."""
    return [line for line in text.splitlines() if line]


def test_comments_go_and_code_stays() -> None:
    """A contract is written for people; cffi reads the signature alone."""
    text = "/* a\n * b */\n/// Count. Returns 1.\nint amp_count(void); // more\n"
    assert lines(extract(text)) == ["int amp_count(void);"]


def test_comment_marks_in_a_text_are_no_comment() -> None:
    """A static assertion's message may hold a slash and a star."""
    text = '_Static_assert(1 == 1, "not /* a comment, nor // this");\nint amp_count(void);\n'
    assert lines(extract(text)) == ["int amp_count(void);"]


def test_integer_macros_are_filled_in_by_the_compiler() -> None:
    """The number stands in the header alone, so it cannot differ here."""
    text = "#define AMP_A 64\n#define AMP_B 0x10u\n#define AMP_C -1\n#define AMP_D UINT32_C(7)\n"
    assert lines(extract(text)) == [f"#define AMP_{name} ..." for name in "ABCD"]


def test_macro_out_of_known_macros_is_an_integer() -> None:
    """Sizes are often sums of sizes, also of sizes from another header."""
    known = {"AMP_LINE"}
    text = "#define AMP_TWO (2 * AMP_LINE)\n#define AMP_FOUR (AMP_TWO << 1)\n"
    assert lines(extract(text, known)) == ["#define AMP_TWO ...", "#define AMP_FOUR ..."]
    assert known == {"AMP_LINE", "AMP_TWO", "AMP_FOUR"}


@pytest.mark.parametrize(
    "macro",
    [
        "AMP_X_H",
        "AMP_ASSERT(c) ((c) ? (void)0 : amp_fail())",
        'AMP_NAME "amphost"',
        "AMP_RATE 1.5",
        "AMP_RATE 1e3",
        "AMP_RATE 1e-3",
        "AMP_OTHER SOMETHING_UNKNOWN",
        "AMP_CAST (uint32_t)5",
        "AMP_EMPTY ()",
    ],
)
def test_other_macros_are_dropped(macro: str) -> None:
    """Only integers can be asked of the compiler; the rest is C's own business."""
    assert lines(extract(f"#define {macro}\nint amp_count(void);\n")) == ["int amp_count(void);"]


def test_continued_macro_is_dropped_whole() -> None:
    """A second line left over would be read as a declaration."""
    text = "#define AMP_ADD(a, b) \\\n    ((a) + \\\n     (b))\nint amp_count(void);\n"
    assert lines(extract(text)) == ["int amp_count(void);"]


def test_guard_includes_and_cplusplus_part_go() -> None:
    """They are for compilers; the part for C++ is not even C."""
    text = (
        '#ifndef AMP_X_H\n#define AMP_X_H\n#include <stdint.h>\n#include "amp/base.h"\n'
        '#ifdef __cplusplus\nextern "C" {\n#endif\nint amp_count(void);\n#endif\n'
    )
    assert lines(extract(text)) == ["int amp_count(void);"]


def test_constants_that_a_build_may_set_are_kept() -> None:
    """A small device builds with shorter frames; the compiler knows the number in force."""
    text = (
        "#ifndef AMP_X_H\n#define AMP_X_H\n#ifndef AMP_MAX\n#define AMP_MAX 240\n#endif\n#endif\n"
    )
    assert lines(extract(text)) == ["#define AMP_MAX ..."]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("#if AMP_BIG\nint amp_count(void);\n#endif\n", 1),
        ("\n#ifdef AMP_BIG\nint amp_count(void);\n#endif\n", 2),
        ("#ifndef X_H\n#ifndef AMP_Y\nint amp_count(void);\n#endif\n#endif\n", 3),
        ("#ifndef X_H\n#else\nint amp_count(void);\n#endif\n", 2),
        ("/* one\n two */\n#error no\n", 3),
    ],
)
def test_declaration_under_a_condition_is_refused(text: str, line: int) -> None:
    """Python would see one build's declarations while C is compiled for another."""
    with pytest.raises(DeclarationError, match=rf"^amp/x\.h:{line}: "):
        declarations(text, "amp/x.h")


@pytest.mark.parametrize(
    "code",
    [
        "static inline int amp_one(void) { return 1; }",
        "struct amp_word { _Atomic uint64_t value; };",
        "int amp_count(void) __attribute__((pure));",
        "struct amp_line { _Alignas(64) uint64_t a; };",
        "void amp_log(const char *format, va_list arguments);",
    ],
)
def test_what_cffi_cannot_see_is_refused_with_its_line(code: str) -> None:
    """Dropping it in silence would hide a function, or misplace every member after it."""
    with pytest.raises(DeclarationError, match=r"^amp/x\.h:4: cffi knows no "):
        declarations(f"#define A 1\n/* x\n y */\n{code}\n", "amp/x.h")


def test_array_size_out_of_a_name_is_left_to_the_compiler() -> None:
    """The number would otherwise be written twice."""
    text = (
        "#define AMP_N 4\nstruct amp_a { int n[AMP_N]; int m[AMP_N][2]; int two[2]; };\n"
        "struct amp_b { int count; int all[]; };\n"
        "void amp_fill(const double in[AMP_N], double out[AMP_N + 1]);\n"
    )
    assert lines(extract(text))[1:] == [
        "struct amp_a { int n[...]; int m[...][2]; int two[2]; };",
        "struct amp_b { int count; int all[]; };",
        "void amp_fill(const double in[], double out[]);",
    ]


def test_enumerators_keep_numbers_and_leave_the_rest() -> None:
    """A plain number is checked against the compiler's; anything else is the compiler's alone."""
    text = "enum amp_e { AMP_E_A = 0, AMP_E_B = -2, AMP_E_C = 1 << 4, AMP_E_D = AMP_N };\n"
    kept = "enum amp_e { AMP_E_A = 0, AMP_E_B = -2, AMP_E_C = ..., AMP_E_D = ... };"
    assert lines(extract(text)) == [kept]


def test_pointers_to_functions_opaque_structs_and_variadics_stay() -> None:
    """cffi takes all three as they are written."""
    text = (
        "struct amp_loop;\nstruct amp_law { void *state; void (*reset)(void *state); };\n"
        "int amp_call(void (*run)(void *argument), void *argument);\n"
        "int amp_log(const char *format, ...);\n"
    )
    assert extract(text) == text


def test_noreturn_goes_and_the_function_stays() -> None:
    """It tells the C compiler something, and Python nothing."""
    assert lines(extract("_Noreturn void amp_fail(int line);\n")) == ["void amp_fail(int line);"]


def test_static_assert_over_lines_goes() -> None:
    """It may hold parentheses, commas and semicolons in its text."""
    text = '_Static_assert(sizeof(int) == (4),\n    "four; (bytes");\nint amp_count(void);\n'
    assert lines(extract(text)) == ["int amp_count(void);"]


def test_static_assert_without_an_end_is_refused() -> None:
    """Otherwise the rest of the header would go with it."""
    with pytest.raises(DeclarationError, match=r"^amp/x\.h:2: _Static_assert does not end"):
        declarations("int amp_count(void);\n_Static_assert(1 == (1;\n", "amp/x.h")


def test_includes_lists_quoted_names_outside_of_comments() -> None:
    """The order of the headers follows from it."""
    text = '// #include "amp/no.h"\n#include <stdint.h>\n#  include "amp/base.h"\n'
    assert includes(text) == ["amp/base.h"]
