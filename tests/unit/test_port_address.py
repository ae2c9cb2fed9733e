"""Port addresses: what each is, and which can be opened."""

from __future__ import annotations

import pytest

from amphost.port_address import (
    fault_of,
    host_and_port,
    is_tty,
    is_unix,
    settings_of,
    shown,
    unix_path,
    usb_address,
    with_settings,
)


def test_an_address_is_a_tty_a_unix_socket_or_tcp() -> None:
    """Each is opened in another way."""
    assert is_tty("/dev/ttyACM0")
    assert is_tty("/dev/ttyRPMSG0")
    assert not is_tty("socket://127.0.0.1:1")
    assert not is_tty("unix:///run/x")
    assert is_unix("unix:///run/x")
    assert unix_path("unix:///run/x") == "/run/x"


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("socket://127.0.0.1:5333", "127.0.0.1", 5333),
        ("socket://127.255.0.9:65535", "127.255.0.9", 65535),
        ("socket://localhost:1", "127.0.0.1", 1),
        ("socket://[::1]:80", "::1", 80),
    ],
)
def test_loopback_addresses_lead_to_numbers(address: str, host: str, port: int) -> None:
    """Nobody is asked for a name: an answer from outside would lead outside."""
    assert host_and_port(address) == (host, port)
    assert fault_of(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "socket://0.0.0.0:5333",
        "socket://128.0.0.1:5333",
        "socket://127.0.0.1.example.org:5333",
        "socket://127.1:5333",
        "socket://127.0.0.256:5333",
        "socket://::1:5333",
        "socket://pi.local:5333",
        "socket://:5333",
    ],
)
def test_what_leads_outside_is_refused_with_the_tunnel(address: str) -> None:
    """A line without a cipher and with a lease of milliseconds belongs on one machine."""
    fault = fault_of(address)
    assert fault is not None
    assert "not on this machine" in fault[0]
    assert "ssh -L 5333:127.0.0.1:5333" in fault[1]


@pytest.mark.parametrize(
    "address",
    ["socket://127.0.0.1", "socket://127.0.0.1:0", "socket://127.0.0.1:65536", "socket://a:٣"],
)
def test_a_port_that_cannot_be_is_refused(address: str) -> None:
    """As written, with a port that may stand there."""
    fault = fault_of(address)
    assert fault is not None
    assert "no TCP port" in fault[0]


def test_a_unix_path_is_absolute_and_short_enough() -> None:
    """Linux cuts nothing off: it refuses, and so do we, before the run."""
    assert fault_of("unix:///" + "a" * 106) is None
    assert "108 bytes" in (fault_of("unix:///" + "a" * 107) or ("",))[0]
    assert "110 bytes" in (fault_of("unix:///" + "ä" * 53 + "abc") or ("",))[0]
    for address in ("unix://", "unix:///", "unix://run/x"):
        assert "absolute" in (fault_of(address) or ("",))[0]


def test_a_tty_needs_no_more_than_its_name() -> None:
    """Whether it is there is the machine's to say."""
    assert fault_of("/dev/serial/by-id/usb-x") is None


@pytest.mark.parametrize("address", ["/dev/ttyACM0", usb_address("2e8a:000a", "a dtr=b")])
@pytest.mark.parametrize("dtr", ["assert", "release", "pulse"])
@pytest.mark.parametrize("rts", ["assert", "release"])
def test_an_address_carries_how_its_lines_stand(address: str, dtr: str, rts: str) -> None:
    """Whoever opens it, a proxy too, opens it in that way."""
    text = with_settings(address, dtr, rts)
    assert settings_of(text) == (address, dtr, rts)
    assert shown(text) == shown(address)
    assert (text == address) == (dtr == rts == "assert")
