"""What numpy sees of a drain; apart from the unit tests, because it starts threads by itself."""

from __future__ import annotations

import pytest

from tests.mailbox_bench import attached, created, plan


def test_numpy_sees_a_drain_without_a_copy() -> None:
    """A batch is worth its speed only if nobody touches every value again."""
    numpy = pytest.importorskip("numpy")
    segment = plan("position:f64", "count:i64", "stamp:u64", "ready:bool", depth=16)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as own:
        writer, follower = own.writer(2), own.follow(8, oldest=True)
        for k in range(3):
            writer.publish(10 * k, 0, k / 2, -k, k, k % 2 == 1)
        view = follower.drain()
        records = numpy.frombuffer(view, follower.dtype())
        assert records.base is not None
        assert records["count"].tolist() == [1, 2, 3]
        assert records["t_ns"].tolist() == [0, 10, 20]
        assert records["mark"].tolist() == [2, 2, 2]
        assert records["signals"]["position"].tolist() == [0.0, 0.5, 1.0]
        assert records["signals"]["count"].tolist() == [0, -1, -2]
        assert records["signals"]["ready"].tolist() == [0, 1, 0]
        assert numpy.shares_memory(records, numpy.frombuffer(view, "u8"))
