"""The kernel through every variant and lane count, and the boundary in front of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from Crypto.Cipher import _EKSBlowfish

import bcrypt_batch
from bcrypt_batch import _native
from tests.kernels import MAX_LANES, compute, vectors

KERNEL = Path(__file__).parent.parent / "ext" / "kernel"
SETTING = b"$2b$04$" + b"." * 22


def test_known_answers(kernel: str, lanes: int) -> None:
    known = vectors()
    assert compute(kernel, lanes, known) == [hashed for _, hashed in known]


def test_a_group_of_one_password_many_times(kernel: str, lanes: int) -> None:
    """Lanes in lockstep on the same data: all alike, and like the vector."""
    password, hashed = vectors()[4]
    assert compute(kernel, lanes, [(password, hashed)] * lanes) == [hashed] * lanes


# 0; 1; a lane less than a full group; a full one; one more, which starts a second group; and
# two full ones with a single item left.
@pytest.mark.parametrize("size", ["0", "1", "L-1", "L", "L+1", "2L+1"])
def test_sizes_around_the_lane_count(kernel: str, lanes: int, size: str) -> None:
    count = {"0": 0, "1": 1, "L-1": lanes - 1, "L": lanes, "L+1": lanes + 1, "2L+1": 2 * lanes + 1}
    items = [v for v in vectors() if v[1][4:6] == b"04"][: count[size]]
    assert compute(kernel, lanes, items) == [hashed for _, hashed in items]


def test_a_group_goes_on_where_it_was_interrupted(kernel: str, lanes: int) -> None:
    """With no time at all, each call gets one look at the clock further: 16 of 64 iterations."""
    setting = b"$2b$06$" + b"." * 22
    batch = _native.Batch(lanes)
    for i in range(lanes):
        batch.add(b"%d" % i, setting)
    batch.plan([list(range(lanes))], kernel=kernel, workers=1)
    assert [batch.run_for(0) for _ in range(3)] == [False] * 3
    assert batch.items_done == 0
    assert batch.run_for(0)
    expected = compute(kernel, 1, [(b"%d" % i, setting) for i in range(lanes)])
    assert [batch.hash(i) for i in range(lanes)] == expected


def test_chosen_kernel_is_a_supported_one() -> None:
    kernels = bcrypt_batch.kernels()
    assert kernels.chosen in kernels.supported
    assert kernels.chosen != "portable" or kernels.supported == ["portable"]
    assert set(kernels.supported) <= set(kernels.compiled)
    assert "portable" in kernels.supported
    assert kernels.chosen in repr(kernels)


def test_self_test_answers_come_from_another_implementation() -> None:
    """selftest.c compares with what PyCryptodome computes, for the passwords it says it uses."""
    source = (KERNEL / "selftest.c").read_text()
    table = source[source.index("expected[") : source.index("};")]
    words = re.findall(r"0x([0-9a-f]{8})", table)
    assert len(words) == 6 * MAX_LANES
    for lane in range(MAX_LANES):
        salt = bytes(range(16 * lane, 16 * lane + 16))
        cipher = _EKSBlowfish.new(b"lane %d\0" % lane, _EKSBlowfish.MODE_ECB, salt, 0, invert=True)
        text = b"OrpheanBeholderScryDoubt"
        for _ in range(64):
            text = cipher.encrypt(text)
        assert "".join(words[6 * lane : 6 * lane + 6]) == text.hex()


def test_tables_are_what_their_generator_makes() -> None:
    generated = subprocess.run(
        [sys.executable, KERNEL / "gen_tables.py"], capture_output=True, check=True
    )
    assert generated.stdout == (KERNEL / "tables.c").read_bytes()


class TestBoundary:
    """What the extension refuses, so that nothing can fail without the GIL."""

    def batch(self, *settings: bytes) -> _native.Batch:
        batch = _native.Batch(len(settings))
        for setting in settings:
            batch.add(b"pw", setting)
        return batch

    @pytest.mark.parametrize(
        "groups", [[], [[0]], [[0, 1, 1]], [[0, 1], [1]], [[0, 2]], [[0, -1]], [[0], [1], [2]]]
    )
    def test_each_item_must_be_in_one_group(self, groups: list[list[int]]) -> None:
        with pytest.raises(ValueError, match="exactly one group"):
            self.batch(SETTING, SETTING).plan(groups, kernel="portable", workers=1)

    def test_a_group_has_one_cost_and_no_more_items_than_lanes(self) -> None:
        with pytest.raises(ValueError, match="of one cost"):
            self.batch(SETTING, SETTING.replace(b"04", b"05")).plan(
                [[0, 1]], kernel="portable", workers=1
            )
        with pytest.raises(ValueError, match=f"1 to {MAX_LANES} items"):
            self.batch(*[SETTING] * 9).plan([list(range(9))], kernel="portable", workers=1)
        with pytest.raises(ValueError, match="1 to"):
            self.batch(SETTING).plan([[], [0]], kernel="portable", workers=1)

    def test_unknown_kernel(self) -> None:
        with pytest.raises(ValueError, match="kernel must be one that this CPU supports"):
            self.batch(SETTING).plan([[0]], kernel="quantum", workers=1)

    def test_order_of_calls(self) -> None:
        batch = self.batch(SETTING)
        with pytest.raises(ValueError, match="made for 1 items"):
            batch.add(b"", SETTING)
        for run in (batch.run, lambda: batch.run_for(1)):
            with pytest.raises(ValueError, match="not planned"):
                run()
        with pytest.raises(ValueError, match="not done"):
            batch.hash(0)
        with pytest.raises(IndexError):
            batch.hash(1)
        batch.plan([[0]], kernel="portable", workers=1)
        with pytest.raises(ValueError, match="planned once"):
            batch.plan([[0]], kernel="portable", workers=1)
        with pytest.raises(ValueError, match="for 1 worker or more"):
            self.batch(SETTING).plan([[0]], kernel="portable", workers=0)
        with pytest.raises(ValueError, match="1 or more"):
            _native.start_pool(0)

    @pytest.mark.parametrize(
        ("setting", "fault"),
        [
            (b"", "60 bytes"),
            (SETTING[:-1], "60 bytes"),
            (b"$2c$04$" + b"." * 22, "prefix"),
            (b"$2\0$04$" + b"." * 22, "prefix"),
            (b"$2b$4$." + b"." * 22, "cost"),
            (b"$2b$03$" + b"." * 22, "cost"),
            (b"$2b$32$" + b"." * 22, "cost"),
            (b"$2b$:4$" + b"." * 22, "cost"),
            (b"$2b$04$" + b"." * 21 + b"/", "salt"),
            (b"$2b$04$" + b"-" + b"." * 21, "salt"),
            (b"$2b$04$" + b"\0" + b"." * 21, "salt"),
            (b"$2b$04$" + b"." * 52 + b"*", "digest"),
        ],
    )
    def test_malformed_settings(self, setting: bytes, fault: str) -> None:
        with pytest.raises(ValueError, match=fault):
            _native.Batch(1).add(b"pw", setting)

    @pytest.mark.parametrize(
        ("prefix", "cost", "salt"),
        [(b"2", 4, b"s" * 16), (b"2b", 3, b"s" * 16), (b"2b", 4, b"s" * 15)],
    )
    def test_make_setting(self, prefix: bytes, cost: int, salt: bytes) -> None:
        with pytest.raises(ValueError, match="a setting has"):
            _native.make_setting(prefix, cost, salt)
