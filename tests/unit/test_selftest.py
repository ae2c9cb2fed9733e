"""The hammer on the mailbox, and what the verb says of it."""

from __future__ import annotations

import json

import pytest

from amphost import selftest
from amphost.cli.mailbox import _lines
from amphost.cli.main import main
from amphost.errors import HardwareMissingError, MailboxError
from amphost.selftest import Hammering


def until_the_control_failed() -> Hammering:
    """Hammer in short runs until the control was torn: a loaded machine may need several."""
    total = Hammering()
    for _ in range(60):
        total += selftest.hammer(selftest.default_cores(), 0.1)
        if total.control_torn:
            break
    return total


def test_mailbox_stands_it_here_and_the_control_does_not() -> None:
    """The claim itself, on the machine that runs the tests."""
    result = until_the_control_failed()
    assert result.wrong == 0
    assert result.read > 0
    assert result.verdict == "ok"


def test_verb_prints_the_counts_and_ends_with_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Scripts on a board read the exit code and the object."""
    code = main(["mailbox", "selftest", "--for", "200ms", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["wrong"] == {"total": 0, "torn": 0, "order": 0, "loss": 0}
    assert told["published"] > 0
    assert told["verdict"] == ("ok" if told["control"]["torn"] else "proves nothing")
    assert code == (0 if told["verdict"] == "ok" else 1)


def test_cores_are_the_ones_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A run on other cores than those named would be a false proof."""
    core = selftest.cores_here()[-1]
    main(["mailbox", "selftest", "--for", "20ms", "--cores", f"{core},{core}", "--json"])
    assert json.loads(capsys.readouterr().out)["cores"] == {"writer": core, "readers": [core]}


def test_core_that_is_not_there_is_hardware_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the cores that there are."""
    assert main(["mailbox", "selftest", "--cores", "0,4095"]) == HardwareMissingError.exit_code
    assert "core 4095" in capsys.readouterr().err


@pytest.mark.parametrize("cores", ["1", "a,b", "1,-1", ""])
def test_cores_that_are_no_list_are_wrong_usage(cores: str) -> None:
    """A writer alone proves nothing."""
    with pytest.raises(SystemExit) as ended:
        main(["mailbox", "selftest", f"--cores={cores}"])
    assert ended.value.code == 2


def test_too_many_readers_are_refused() -> None:
    """The library has room for so many and no more."""
    with pytest.raises(MailboxError, match="1 to 16 readers"):
        selftest.hammer([0] * 18, 0.1)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (Hammering(read=9, control_torn=1), "ok"),
        (Hammering(read=9), "proves nothing"),
        (Hammering(torn_accepted=1, control_torn=1), "wrong"),
        (Hammering(order_broken=1), "wrong"),
        (Hammering(loss_wrong=1), "wrong"),
    ],
)
def test_verdict(result: Hammering, verdict: str) -> None:
    """A control that met nothing is not a pass; one wrong value is enough."""
    assert result.verdict == verdict
    assert verdict.upper() in _lines(result, [0, 1], 1.0, "aarch64")[-1].upper()


def test_x86_is_told_that_it_cannot_show_weak_order() -> None:
    """An honest tool says what its run does not show."""
    good = Hammering(read=9, control_torn=1)
    assert "ARM" in _lines(good, [0, 1], 1.0, "x86_64")[-1]
    assert "ARM" not in _lines(good, [0, 1], 1.0, "aarch64")[-1]
