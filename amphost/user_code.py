"""A user's class: loaded from its file, and its exceptions in a user's words.

Rules. This is the one place that executes a user's file, in the role's own process. Whatever it
raises becomes a UserCodeError with the file and line where the user's code stood; of a traceback a
user sees the frames of their own code alone. What only an error needs is imported by it alone.
"""

from __future__ import annotations

import sys

from amphost.errors import UserCodeError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.program_model import PythonPlan

__all__ = ["load", "trace", "wrong"]

OURS = __file__.removesuffix("user_code.py")


def load(plan: PythonPlan, name: str) -> Any:
    """Import the user's file or module and make an instance of the class."""
    if plan.root not in sys.path:
        sys.path.append(plan.root)
    try:
        found = getattr(_module(plan, name), plan.class_name)
        return found()
    except Exception as error:
        raise wrong(error, f"loading {plan.class_name}", plan.file) from error


def _module(plan: PythonPlan, name: str) -> Any:
    from importlib import import_module, util  # after the role has settled

    if plan.module:
        return import_module(plan.module)
    stem = plan.file.rpartition("/")[2].removesuffix(".py")
    alias = stem if stem not in sys.modules else f"amphost_{name}_{stem}"
    spec = util.spec_from_file_location(alias, plan.file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{plan.file} cannot be loaded")
    module = util.module_from_spec(spec)
    sys.modules[alias] = module
    spec.loader.exec_module(module)
    return module


def wrong(error: BaseException, doing: str, file: str) -> UserCodeError:
    """Say in one line what went wrong where: `pick.py:12: step: ZeroDivisionError: ...`."""
    where, line = file, 0
    if isinstance(error, SyntaxError) and error.filename:
        where, line = error.filename, error.lineno or 0
    else:
        here = error.__traceback__
        while here is not None:
            frame_file = here.tb_frame.f_code.co_filename
            if _is_users(frame_file):
                where, line = frame_file, here.tb_lineno
            here = here.tb_next
    said = str(error).splitlines()
    text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    return UserCodeError(
        f"{where}:{line}: {doing}: {text}" if line else f"{where}: {doing}: {text}"
    )


def trace(error: BaseException) -> str:
    """Return the traceback of the user's own frames, as Python writes it."""
    import traceback  # dear, and for errors alone

    shown = traceback.TracebackException.from_exception(error)
    at: Any = shown
    seen = 0
    while at is not None and seen < 8:  # a chain of causes that is longer says nothing more
        at.stack = traceback.StackSummary.from_list(
            [frame for frame in at.stack if _is_users(frame.filename)]
        )
        at, seen = at.__cause__ or at.__context__, seen + 1
    return "".join(shown.format()).rstrip("\n")


def _is_users(file: str) -> bool:
    return not file.startswith((OURS, "<frozen"))
