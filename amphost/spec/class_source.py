"""What stands in a user's Python source, read and never run.

Rules. A class is looked for by its name, then what its methods take. A name that is imported or
assigned instead of defined is taken at its word, and so is a decorated method. Every problem has
its line and column in the source. Pure.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from amphost.spec.positions import KeyPath, Problem
from amphost.spec.wording import did_you_mean

__all__ = ["class_problems"]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def class_problems(source: str, name: str, method: str, at: KeyPath) -> Iterator[Problem]:
    """Yield what keeps the class `name` of a source from being stepped by `method`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        place = (error.lineno or 1, max(error.offset or 1, 1))
        rule = f"is not valid Python ({error.msg})"
        yield Problem(path=at, rule=rule, remedy="correct it", place=place)
        return
    except (ValueError, RecursionError, MemoryError) as error:
        rule = f"is not valid Python ({type(error).__name__})"
        yield Problem(path=at, rule=rule, remedy="correct it", place=(1, 1))
        return
    classes = {one.name: one for one in ast.walk(tree) if isinstance(one, ast.ClassDef)}
    top = {one.name for one in tree.body if isinstance(one, ast.ClassDef)}
    if name not in top:
        if name not in set(_bound(tree)):
            known = ", ".join(sorted(top)) or "none"
            rule = f"there is no class {name} in it"
            remedy = f"{did_you_mean(name, top)}its classes: {known}"
            yield Problem(path=at, rule=rule, remedy=remedy, place=(1, 1))
        return
    yield from _method_problems(classes[name], method, at)


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module binds by other means than a class of its top level."""
    for one in ast.walk(tree):
        if isinstance(one, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in one.names)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            yield one.id
        elif isinstance(one, ast.If | ast.Try):
            yield from (sub.name for sub in ast.walk(one) if isinstance(sub, ast.ClassDef))


def _method_problems(node: ast.ClassDef, method: str, at: KeyPath) -> Iterator[Problem]:
    place = (node.lineno, node.col_offset + 1)
    functions = {one.name: one for one in node.body if isinstance(one, Function)}
    assigned = {
        target.id
        for one in node.body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    argument = "role"
    form = f"def {method}(self, {argument}):"
    if method not in functions and method not in assigned and not node.bases:
        rule = f"class {node.name} has no {method}"
        yield Problem(path=at, rule=rule, remedy=f"add `{form}`", place=place)
    for name, most in (("__init__", 1), ("setup", 2), (method, 2), ("close", 1)):
        if name in functions:
            yield from _signature_problems(functions[name], most, argument, at)


def _signature_problems(
    node: Function, count: int, argument: str, at: KeyPath
) -> Iterator[Problem]:
    place = (node.lineno, node.col_offset + 1)
    wanted = "self" if count == 1 else f"self, {'role' if node.name == 'setup' else argument}"
    remedy = f"write `def {node.name}({wanted}):`"
    if isinstance(node, ast.AsyncFunctionDef):
        rule = f"{node.name} is async, and nothing awaits it"
        yield Problem(path=at, rule=rule, remedy=remedy, place=place)
        return
    if node.decorator_list:
        return  # what it takes then, only running it could tell
    arguments = node.args
    plain = len(arguments.posonlyargs) + len(arguments.args)
    least = plain - len(arguments.defaults)
    keywords = sum(default is None for default in arguments.kw_defaults)
    if keywords or least > count or (plain < count and arguments.vararg is None):
        rule = f"{node.name} takes other arguments than it gets"
        yield Problem(path=at, rule=rule, remedy=remedy, place=place)
