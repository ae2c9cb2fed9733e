"""What a role has at hand: its segments by name, the supervisor's word, its own descriptors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from amphost import platform
from amphost.errors import AmphostError, MailboxError
from amphost.lifecycle import Mode
from amphost.plan.model import Plan
from amphost.roles.context import Context
from tests.proc import descriptors
from tests.unit.role_bench import NONCE, RoleBench


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[RoleBench]:
    """The mailbox of the standard system."""
    made = RoleBench(plan_of(), "telemetry")
    yield made
    made.close()


@pytest.fixture
def heard() -> Iterator[tuple[int, int]]:
    """A status pipe: the supervisor's end and the role's."""
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def context_of(bench: RoleBench, status_fd: int, nonce: int = NONCE) -> Context:
    """Enter a context as a role process does, with descriptors of its own."""
    names = [bench.role.segment.role, *(segment.role for segment in bench.role.reads)]
    attachment = os.memfd_create("amphost-test")
    os.write(attachment, b"name: motor\n")
    run = SimpleNamespace(
        nonce=nonce,
        epoch=2,
        origin_ns=0,
        segments=[os.dup(bench.segments.descriptors[name]) for name in names],
        status_fd=status_fd,
        port="",
        attachments=[["spec.yaml", "application/yaml", attachment]],
        guests=[],
    )
    return Context(bench.role, run)


def close(context: Context) -> None:
    """Give everything back; a role process would simply end."""
    for segment in context.segments.values():
        segment.close()
    os.close(context.run.attachments[0][2])


def test_it_maps_its_own_segment_to_write_and_every_other_to_read(
    bench: RoleBench, heard: tuple[int, int]
) -> None:
    """The MMU is what keeps a role that runs wild in its own words."""
    before = descriptors()
    context = context_of(bench, heard[1])
    assert set(context.segments) == {
        *("telemetry", "supervisor", "io", "control", "events", "mcu.link", "mcu.said")
    }
    context.segment.owner.beat(1)
    for name, segment in context.segments.items():
        if name != "telemetry":
            with pytest.raises(MailboxError, match="only read"):
                segment.owner.beat(1)
    close(context)
    assert descriptors() == before  # what is mapped needs no descriptor


def test_it_writes_under_its_own_epoch(bench: RoleBench, heard: tuple[int, int]) -> None:
    """A reader sees on the first new value that a successor wrote it."""
    context = context_of(bench, heard[1])
    assert context.segment.plan.channel is not None
    words = [0] * context.segment.plan.channel.words
    context.segment.publish(1, 0, words)
    latest = bench.segments.mapped["telemetry"].latest()
    assert latest is not None
    assert latest[2] == 2
    close(context)


def test_segments_of_another_run_are_refused(bench: RoleBench, heard: tuple[int, int]) -> None:
    """Segments are made together or not at all."""
    with pytest.raises(MailboxError, match="another session"):
        context_of(bench, heard[1], nonce=NONCE + 1)


def test_it_hears_what_the_supervisor_wants(bench: RoleBench, heard: tuple[int, int]) -> None:
    """Its end and the mode, both from shared words."""
    context = context_of(bench, heard[1])
    before = context.wanted_end()
    bench.system.set_mode(Mode.ARMED, 3)
    assert context.system_mode() == (Mode.ARMED, 3)
    bench.ask_end()
    assert (before, context.wanted_end()) == (False, True)
    close(context)


def test_a_supervisor_that_beats_is_alive_and_one_that_stopped_is_not(
    bench: RoleBench, heard: tuple[int, int]
) -> None:
    """Nobody else would end an observer whose supervisor was killed."""
    context = context_of(bench, heard[1])
    bound_ns = bench.role.supervisor_ns
    assert context.supervisor_alive(1_000)
    assert context.supervisor_alive(1_000 + bound_ns)
    assert not context.supervisor_alive(1_001 + bound_ns)
    bench.supervisor.owner.beat(1)
    assert context.supervisor_alive(5_000 + bound_ns)
    close(context)


def test_reports_and_attachments_are_whole(bench: RoleBench, heard: tuple[int, int]) -> None:
    """What goes beside a recording, and what goes into the run's report."""
    context = context_of(bench, heard[1])
    assert context.attachments == [("spec.yaml", "application/yaml", b"name: motor\n")]
    context.report(path="/a", lost=3)
    said = json.loads(os.read(heard[0], 4096))
    assert said == {"event": "report", "path": "/a", "lost": 3}
    close(context)


def test_who_was_orphaned_before_it_could_ask_ends_by_itself(
    bench: RoleBench, heard: tuple[int, int]
) -> None:
    """Linux signals the death of a parent to come, not one that has been."""
    context = context_of(bench, heard[1])
    try:
        context.die_with_supervisor()
        orphan = os.pipe()
        os.close(orphan[0])
        context.run.status_fd = orphan[1]
        with pytest.raises(AmphostError, match="its supervisor is gone"):
            context.die_with_supervisor()
        os.close(orphan[1])
    finally:
        platform.die_with_parent(0)
        close(context)
