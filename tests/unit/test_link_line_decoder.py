"""Frames out of a line's bytes: verdict by verdict what the C parser says, and each explained."""

from __future__ import annotations

import zlib

import pytest
from amphost._native.amp import ffi, lib
from hypothesis import example, given
from hypothesis import strategies as st

from amphost.link.line_decoder import LineDecoder, LineFrame, Verdict, Way, as_json, seed_of
from amphost.link.schema import read_schema

SCHEMA = read_schema("send position f32 1 rad -100 100\naccept voltage f32 1 V -12 12 0 0\n")
VERDICTS = {
    lib.AMP_FRAME_GOOD: Verdict.GOOD,
    lib.AMP_FRAME_ECOBS: Verdict.BAD_COBS,
    lib.AMP_FRAME_ELENGTH: Verdict.BAD_LENGTH,
    lib.AMP_FRAME_ECRC: Verdict.BAD_CRC,
}


def frame(
    kind: int, payload: bytes = b"", session: int = 7, sequence: int = 1, seed: int = SCHEMA.hash
) -> bytes:
    """Encode a frame with the C code."""
    native = ffi.new("struct amp_frame *")
    kept = ffi.new("uint8_t[]", payload or b"\0")
    native.type, native.session, native.sequence = kind, session, sequence
    native.length, native.payload = len(payload), kept
    wire = ffi.new("uint8_t[]", 300)
    size = lib.amp_frame_encode(native, seed, wire, 300)
    assert size > 0
    return bytes(ffi.buffer(wire, size))


def native_verdicts(line: bytes, seed: int) -> list[tuple[Verdict, int]]:
    """Return what the C parser says of each frame, with its type."""
    parser = ffi.new("struct amp_frame_parser *")
    lib.amp_frame_parser_init(parser, seed)
    verdict, found = ffi.new("enum amp_frame_verdict *"), ffi.new("struct amp_frame *")
    unread = ffi.from_buffer(line)
    used, said = 0, []
    while used < len(line):
        used += lib.amp_frame_parse(parser, unread + used, len(line) - used, verdict, found)
        if verdict[0] in VERDICTS:
            good = verdict[0] == lib.AMP_FRAME_GOOD
            said.append((VERDICTS[verdict[0]], found.type if good else 0))
    return said


def decoded(line: bytes, way: Way = Way.FROM_DEVICE) -> list[LineFrame]:
    """Decode with a fresh decoder."""
    return list(LineDecoder(SCHEMA).feed(1000, way, line))


BLOCK = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda kind, payload: frame(kind, payload)[:-1],
        st.integers(0, 40), st.binary(max_size=240),
    ),
    st.builds(
        lambda payload, place, bit: bytes(
            byte ^ (1 << bit) * (i == place) for i, byte in enumerate(frame(16, payload)[:-1])
        ),
        st.binary(max_size=60), st.integers(0, 70), st.integers(0, 7),
    ),
)  # fmt: skip


@given(st.lists(BLOCK, max_size=8))
@example([b"\xff" + b"\1" * 254 + b"\2\2"])
@example([b"\1" * 253, b"\xff" + b"x" * 254, b"\5abc"])
@example([b"\5" * 252, b"\5" * 253, b"\xfd" + b"x" * 251, b"\xff" + b"x" * 251])
def test_verdicts_are_those_of_the_c_parser(blocks: list[bytes]) -> None:
    """Two readings of one page; where they differ one of them is wrong."""
    line = b"\0".join(blocks) + b"\0"
    ours = [one.verdict for one in decoded(line)]
    assert ours == [verdict for verdict, _ in native_verdicts(line, SCHEMA.hash)]


@given(st.lists(BLOCK, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_pieces_do_not_matter(blocks: list[bytes], pieces: list[int]) -> None:
    """A read brings what it likes."""
    line = b"\0".join(blocks) + b"\0"
    decoder, at = LineDecoder(SCHEMA), 0
    got: list[LineFrame] = []
    for step in (pieces * (len(line) + 1))[: len(line)]:
        got += decoder.feed(1000, Way.FROM_DEVICE, line[at : at + step])
        at += step
    assert got == decoded(line)


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_the_seed_of_a_checksum_can_be_found(body: bytes, seed: int) -> None:
    """Another firmware's frames are told from noise by that."""
    assert seed_of(body, zlib.crc32(body, seed)) == seed


def state(sequence: int, position: bytes = b"\0\0\x80\x3f") -> bytes:
    """A STATE with one value."""
    return frame(16, bytes(14) + b"\xff" * 8 + position, sequence=sequence)


def test_a_state_has_its_values_by_name() -> None:
    """That is what a person reads a trace for."""
    (one,) = decoded(state(1))
    assert (one.type, one.session, one.sequence) == ("STATE", 7, 1)
    assert one.fields["values"] == {"position": 1.0}
    assert one.fields["applied_age_us"] is None


def test_missing_frames_are_counted_and_old_ones_named() -> None:
    """By direction, as the receiver does."""
    frames = decoded(state(5) + state(6) + state(9) + state(8))
    assert [one.lost for one in frames] == [0, 0, 2, 0]
    assert frames[2].remarks == ("2 lost before it",)
    assert frames[3].remarks == ("repeated: 10 was next",)


def identity(session: int, schema_hash: int) -> bytes:
    """An IDENTITY."""
    payload = bytes([2, 0, 1, 2, 3, 1]) + bytes(8) + schema_hash.to_bytes(4, "little")
    return frame(2, payload.ljust(32, b"\0") + b"rig".ljust(32, b"\0"), session, 0)


def test_a_frame_of_another_session_is_foreign() -> None:
    """What lay in a buffer looks like this."""
    decoder = LineDecoder(SCHEMA)
    first, second = decoder.feed(1, Way.FROM_DEVICE, identity(9, SCHEMA.hash) + state(1))
    assert first.fields["firmware"] == "1.2.3"
    assert second.remarks == ("foreign: session 9 stands",)


def test_frames_of_another_schema_are_told_from_noise() -> None:
    """The usual cause of nothing but bad checksums is the wrong firmware."""
    other = 0x12345678
    decoder = LineDecoder(SCHEMA)
    line = identity(7, other) + frame(16, bytes(26), seed=other)
    *_, bad = decoder.feed(1, Way.FROM_DEVICE, line)
    assert bad.verdict is Verdict.BAD_CRC
    assert "12345678, which the device said it has" in bad.remarks[0]
    damaged = bytearray(state(1))
    damaged[12] ^= 4
    (noise,) = decoded(bytes(damaged))
    assert "damaged" in noise.remarks[0]


def test_a_question_and_its_answer_make_a_round_trip() -> None:
    """Less what the device held it, and of a repeated question by its newest."""
    decoder = LineDecoder(SCHEMA)
    token = (77).to_bytes(4, "little")
    list(decoder.feed(1_000_000, Way.TO_DEVICE, frame(21, token, sequence=1)))
    list(decoder.feed(2_000_000, Way.TO_DEVICE, frame(21, token, sequence=2)))
    answer = frame(22, token + bytes(8) + (30).to_bytes(4, "little"))
    (one,) = decoder.feed(2_500_000, Way.FROM_DEVICE, answer)
    assert one.round_trip_ns == 470_000
    (again,) = decoder.feed(2_600_000, Way.FROM_DEVICE, answer)
    assert again.round_trip_ns is None


@pytest.mark.parametrize(
    ("raw", "verdict", "word"),
    [
        (b"Booting, please wait...\r\n\0", Verdict.BAD_COBS, "text 'Booting"),
        (b"\1\1\1\1\0", Verdict.BAD_LENGTH, "too short"),
        (b"\x05ab\0", Verdict.BAD_COBS, "delimiter within a block"),
        (b"\1" * 9000 + b"\0", Verdict.BAD_LENGTH, "longer than a frame can be"),
        (b"\x02\x11" + b"\1" * 14 + b"\0", Verdict.BAD_LENGTH, "where its length byte says"),
    ],
)
def test_what_is_no_frame_is_explained(raw: bytes, verdict: Verdict, word: str) -> None:
    """Garbage between frames has causes that look alike only in a counter."""
    (one,) = decoded(raw)
    assert one.verdict is verdict
    assert word in " ".join(one.remarks)
    assert one.size == len(raw)


def test_a_line_of_the_firmware_is_text_and_nothing_else() -> None:
    """What a device says may be anything, also what moves a cursor."""
    (one,) = decoded(frame(23, bytes(8) + b"motor hot\x1b[2J"))
    assert one.fields["text"] == "motor hot?[2J"
    (piece,) = decoded(frame(4, b"\x05\0\x40\0" + b"send x", sequence=0))
    assert piece.fields == {"offset": 5, "size": 64, "text": "send x"}
    (event,) = decoded(frame(20, b"\x41" + bytes(12)))
    assert event.fields["event"] == "user 65"


def test_a_parameter_goes_by_its_name() -> None:
    """`set 1` means nothing to who did not write the firmware."""
    schema = read_schema("parameter ki 1 0 1 0\nparameter kp V/rad 0 50 9\n")
    line = frame(18, bytes([5, 0, 65, 0, 0, 0, 64, 100, 0]), seed=schema.hash)
    (one,) = LineDecoder(schema).feed(1, Way.TO_DEVICE, line)
    assert one.fields == {"id": 5, "verb": "set kp", "ttl_ms": 100, "value": 2.0}


def test_another_protocol_says_which() -> None:
    """Its layout may be any from the third byte on."""
    (one,) = decoded(frame(2, bytes([9, 1]) + bytes(70), sequence=0))
    assert one.remarks == ("it speaks protocol 9; this amphost reads 2",)


def test_a_payload_of_the_wrong_size_is_no_traceback() -> None:
    """A good checksum proves nothing about the version that made it."""
    for kind in range(40):
        for size in (0, 1, 3, 21, 22, 23, 240):
            (one,) = decoded(frame(kind, bytes(size)))
            assert one.verdict is Verdict.GOOD
            assert one.fields or one.remarks
            assert as_json(one, 0.0)["bytes"] == size + 13


@given(st.binary(max_size=600))
def test_no_bytes_raise(line: bytes) -> None:
    """A monitor that falls over garbage is of no use where there is garbage."""
    for way in Way:
        decoded(line, way)
