"""The directory for a program of one's own: what is written is what amp_attach_text() takes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from amphost._native.amp import ffi, lib

from amphost import attach
from amphost.attach import Handed, HandedDirectory, directory_text
from amphost.errors import MailboxError
from amphost.mailbox import Segment
from amphost.plan import layout
from amphost.plan.model import SegmentPlan, SignalPlan

NONCE = 0xFEED_0000_0000_BEEF
PAGE = os.sysconf("SC_PAGESIZE")
Making = Callable[..., Handed]


def plan(role: str, role_id: int, *signals: str) -> SegmentPlan:
    """Lay out the segment of a role."""
    return layout.segment(
        role=role,
        role_id=role_id,
        page_size=PAGE,
        signals=[SignalPlan(name=s, type="f64", unit="1", low=None, high=None) for s in signals],
        writer_period_ns=1_000_000,
        follower_periods_ns=(8_000_000,),
    )


@pytest.fixture
def making() -> Iterator[Making]:
    """Return a function that makes the segment of a plan; all is closed at the end."""
    made: list[int] = []

    def make(one: SegmentPlan) -> Handed:
        made.append(Segment.create(one, NONCE))
        return Handed(plan=one, descriptor=made[-1])

    yield make
    for descriptor in made:
        os.close(descriptor)


def attached(text: str) -> tuple[int, ffi.CData]:
    """Let the C side attach to a text; return its result and what it then has."""
    out = ffi.new("struct amp_attached *")
    written = text.encode()
    return int(lib.amp_attach_text(out, written, len(written))), out


def test_what_is_written_is_what_c_attaches(making: Making) -> None:
    """Two languages, one format: each figure arrives, and values go both ways."""
    own, control = making(plan("mine", 5, "a", "b")), making(plan("control", 2, "x"))
    supervisor = making(plan("supervisor", 0))
    text = directory_text(own, [control, supervisor], nonce=NONCE, epoch=7)
    result, found = attached(text)
    assert (result, found.count) == (0, 3)
    mine = lib.amp_attached_find(found, b"mine")
    assert (mine.own, mine.epoch, mine.role_id, mine.size) == (True, 7, 5, own.plan.size)
    assert own.plan.channel is not None
    assert (mine.channel.words, mine.channel.mask + 1) == (2, own.plan.channel.depth)
    others = [lib.amp_attached_find(found, name) for name in (b"control", b"supervisor")]
    assert [(one.own, one.has_channel) for one in others] == [(False, True), (False, False)]
    assert others[0].system == ffi.NULL != others[1].system
    lib.amp_channel_publish(ffi.addressof(mine, "channel"), 9, 1, ffi.new("uint64_t[2]", [3, 4]))
    with Segment.attach(own.descriptor, own.plan, nonce=NONCE, writable=False) as ours:
        latest = ours.latest()
        assert latest is not None
        assert latest[:3] == (1, 9, 7 | 1 << 32)
    lib.amp_detach(found)


def test_program_that_only_reads_owns_nothing(making: Making) -> None:
    """A monitor must not be able to write anywhere."""
    result, found = attached(directory_text(None, [making(plan("control", 2, "x"))], nonce=NONCE))
    assert (result, found.count) == (0, 1)
    assert not found.segments[0].own
    lib.amp_detach(found)


def test_another_run_is_refused(making: Making) -> None:
    """A descriptor of an earlier run must not pass for this one's."""
    one = making(plan("control", 2, "x"))
    assert attached(directory_text(None, [one], nonce=NONCE ^ 1))[0] == -lib.AMP_ENONCE
    other = replace(one, plan=plan("control", 2, "y"))
    assert attached(directory_text(None, [other], nonce=NONCE))[0] == -lib.AMP_ELAYOUT


def test_numbers_and_names_are_the_headers(root: Path) -> None:
    """The text is written here and read there; neither may have figures of its own."""
    header = (root / "native/include/amp/attach.h").read_text(encoding="utf-8")
    found = re.search(r'AMP_ATTACH_VARIABLE "(\w+)"', header)
    assert found is not None
    assert found[1] == attach.VARIABLE
    assert f" {attach.HEADING}\n" in header
    assert lib.AMP_ATTACH_TEXT_MAX == attach.TEXT_MAX
    assert lib.AMP_ATTACH_NAME_ROOM == attach.NAME_MAX + 1


def test_largest_directory_is_taken_by_both(making: Making) -> None:
    """Names of full length, every role: what the plan allows must fit the text."""
    every = [
        making(plan(f"role_{i:0{attach.NAME_MAX - 5}d}", i, "x")) for i in range(layout.ROLES_MAX)
    ]
    text = directory_text(every[0], every[1:], nonce=2**64 - 1, epoch=2**31 - 1)
    assert len(text) < attach.TEXT_MAX
    with_nonce = directory_text(every[0], every[1:], nonce=NONCE, epoch=2**31 - 1)
    result, found = attached(with_nonce)
    assert (result, found.count) == (0, layout.ROLES_MAX)
    lib.amp_detach(found)


@pytest.mark.parametrize("role", ["", "a b", "a\nown", "x" * 33])
def test_name_that_would_break_the_text_is_refused(role: str) -> None:
    """A line that means something else must not be written at all."""
    one = Handed(plan=plan("control", 2, "x"), descriptor=3)
    with pytest.raises(MailboxError):
        directory_text(None, [replace(one, plan=replace(one.plan, role=role))], nonce=1)


def test_what_c_would_refuse_is_refused_before_the_program_starts() -> None:
    """A mistake of who starts it is told there, not in a program's log."""
    one = Handed(plan=plan("control", 2, "x"), descriptor=3)
    with pytest.raises(MailboxError, match="once"):
        directory_text(one, [one], nonce=1, epoch=1)
    with pytest.raises(MailboxError, match="epoch"):
        directory_text(one, [], nonce=1)
    with pytest.raises(MailboxError, match="epoch"):
        directory_text(None, [one], nonce=1, epoch=1)
    names = [replace(one, plan=replace(one.plan, role=f"{i:032d}")) for i in range(200)]
    with pytest.raises(MailboxError, match="8192"):
        directory_text(None, names, nonce=1)


def test_directory_is_sealed_and_inherited_only_on_request(making: Making) -> None:
    """The program may trust that nobody changes it, and no other process gets it by chance."""
    one = making(plan("control", 2, "x"))
    with HandedDirectory(None, [one], nonce=NONCE) as handed:
        directory, segment = handed.pass_fds
        assert segment == one.descriptor
        assert handed.environment == {"AMPHOST_MAILBOX": str(directory)}
        assert not os.get_inheritable(directory)
        with pytest.raises(PermissionError):
            os.pwrite(directory, b"x", 0)
        shown = subprocess.run(
            ["cat", f"/proc/self/fd/{directory}"],
            pass_fds=handed.pass_fds,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == directory_text(None, [one], nonce=NONCE)
    handed.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(directory)
