"""Errors that a user sees: every one says what is wrong and what to do about it.

Rules. Raised at the boundary, from the cause. `exit_code` is what a verb ends with. A user's
mistake never shows a traceback; an `AssertionError` is ours and does.
"""

from __future__ import annotations


class AmphostError(Exception):
    """Base of all errors of this package."""

    exit_code = 1


class SpecError(AmphostError):
    """The files are wrong: every problem, one line each, `file:line:col: path: rule; remedy`."""

    exit_code = 78

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PlanError(AmphostError):
    """The spec does not fit this machine."""

    exit_code = 78

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class HardwareMissingError(PlanError):
    """A core or a port that the spec names is not there."""

    exit_code = 69


class NoPermissionError(AmphostError):
    """The system refused a right that the run cannot do without."""

    exit_code = 77


class UserCodeError(AmphostError):
    """A user's code could not be loaded, or raised an exception: file, line and what it said."""


class WriteRefusedError(AmphostError, ValueError):
    """A value that a user's code wrote is not finite or outside its range; it was not taken."""


class UsageError(AmphostError):
    """What was asked for cannot be asked for; it shows only once a file has been read."""

    exit_code = 2


class MissingPackageError(AmphostError):
    """A Python package that only this command needs is not installed."""

    exit_code = 69


class MailboxError(AmphostError):
    """A segment or channel is not what the plan says."""


class LinkError(AmphostError):
    """The link to a device."""


class LocalLinkError(LinkError):
    """This side's port or session is wrong."""


class RemoteLinkError(LinkError):
    """The bytes from the other side are wrong."""
