"""The kernel with every variant and lane count, and the boundary in front of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from Crypto.Cipher import _EKSBlowfish

import bcrypt_batch
from bcrypt_batch import _native
from tests.kernels import MAX_LANES, compute, planned, vectors
from tests.processes import check_program, check_python, run_python

KERNEL = Path(__file__).parent.parent / "ext" / "kernel"
HASHED = b"$2b$04$" + b"." * 53


def test_known_answers(kernel: str, lanes: int) -> None:
    """All in pairs; those of higher costs, which take almost half of the time, only so."""
    known = [v for v in vectors() if lanes == 2 or v[1][4:6] <= b"06"]
    assert compute(kernel, lanes, known) == [hashed for _, hashed in known]


def test_a_group_of_one_password_many_times(kernel: str, lanes: int) -> None:
    """All lanes compute the same item, and each result is the vector's."""
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
    """Without time left, each slice advances to the next look at the clock: 16 of 64 iterations."""
    hashed = b"$2b$06$" + b"." * 53
    passwords = [b"%d" % i for i in range(lanes)]
    batch = planned(passwords, [hashed] * lanes, kernel, lanes)
    seen: list[int] = []
    batch.run(lambda: seen.append(batch.items_done), slice_ns=0)
    assert seen == [0, 0, 0, lanes]
    assert batch.hashes() == compute(kernel, 1, [(password, hashed) for password in passwords])


def test_chosen_kernel_is_a_supported_one() -> None:
    kernels = bcrypt_batch.kernels()
    assert kernels.chosen in kernels.supported
    assert kernels.chosen != "portable" or kernels.supported == ["portable"]
    assert set(kernels.supported) <= set(kernels.compiled)
    assert "portable" in kernels.supported
    assert kernels.chosen in repr(kernels)


def test_vector_lanes_are_for_zen_5() -> None:
    """AMD's family 26 and later; on Zen 4 the other kernel is faster."""
    about = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^vendor_id\s*: AuthenticAMD\ncpu family\s*: (\d+)", about, re.MULTILINE)
    kernels = bcrypt_batch.kernels()
    preferred = "x86_64-avx" in kernels.supported and found is not None and int(found[1]) >= 26
    assert (kernels.chosen == "x86_64-avx") == preferred


def test_self_test_answers_come_from_another_implementation() -> None:
    """selftest.c's answers are PyCryptodome's for the passwords that its comment names."""
    source = (KERNEL / "selftest.c").read_text()
    table = source[source.index("expected[") : source.index("};")]
    words = re.findall(r"0x([0-9a-f]{8})", table)
    assert len(words) == 6 * MAX_LANES
    for lane in range(MAX_LANES):
        password = b"lane %c\0" % (ord("0") + lane)
        salt = bytes(range(16 * lane, 16 * lane + 16))
        cipher = _EKSBlowfish.new(password, _EKSBlowfish.MODE_ECB, salt, 0, invert=True)
        text = b"OrpheanBeholderScryDoubt"
        for _ in range(64):
            text = cipher.encrypt(text)
        assert "".join(words[6 * lane : 6 * lane + 6]) == text.hex()


# The first word of the self-test's answer for the first lane, which every lane count has. The
# answers follow one another.
ANSWER = 0x29DD9654.to_bytes(4, sys.byteorder)
ANSWER_BYTES = 24
WRONG = "bcrypt_batch's kernel {} computes wrong hashes with {} lanes on this machine"


@pytest.mark.parametrize("lanes", {1, _native.max_lanes(bcrypt_batch.kernels().chosen)})
def test_a_failed_self_test_fails_the_import(lanes: int, tmp_path: Path) -> None:
    """A copy of the package is changed to expect another answer of one lane."""
    package = Path(bcrypt_batch.__file__).parent
    shutil.copytree(package, tmp_path / package.name)
    libraries = package.with_name("bcrypt_batch.libs")  # a wheel's libgomp
    if libraries.exists():
        (tmp_path / libraries.name).symlink_to(libraries)
    (binary,) = (tmp_path / package.name).glob("_native*.so")
    content = binary.read_bytes()
    assert content.count(ANSWER) == 1
    word = content.index(ANSWER) + (lanes - 1) * ANSWER_BYTES
    binary.write_bytes(content[:word] + bytes(4) + content[word + 4 :])

    done = run_python("import bcrypt_batch", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert WRONG.format(bcrypt_batch.kernels().chosen, lanes) in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ImportError: ")
    binary.write_bytes(content)
    loaded = check_python("import bcrypt_batch as b; print(b.__file__)", PYTHONPATH=str(tmp_path))
    assert loaded == f"{tmp_path}/bcrypt_batch/__init__.py\n"


@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="it reads over AddressSanitizer's red zones"
)
def test_no_other_kernel_computes_before_it_has_passed() -> None:
    """The import tests the kernel that it takes; here the answers change afterwards.

    One lane's answer changes at a time: lane n's fails variants with n lanes or more, and passes
    those with fewer.
    """
    kernels = bcrypt_batch.kernels()
    others = [name for name in kernels.supported if name != kernels.chosen]
    expected = [f"{name} {n + 1}" for name in others for n in range(_native.max_lanes(name))]
    arguments = ANSWER.hex(), ANSWER_BYTES, WRONG
    said = check_program("kernel/answers_changed_after_import", *arguments)
    assert said.splitlines() == expected


def test_constants_are_what_their_generator_makes() -> None:
    generated = subprocess.run(
        [sys.executable, KERNEL / "gen_constants.py"], capture_output=True, check=True
    )
    assert generated.stdout == (KERNEL / "constants.c").read_bytes()


class TestBoundary:
    """The extension refuses these first, so that nothing can fail without the GIL."""

    def batch(self, *hashes: bytes) -> _native.Batch:
        batch = _native.Batch(len(hashes))
        batch.add_hashes([b"pw"] * len(hashes), list(hashes), max_cost=31, truncate=True)
        return batch

    @pytest.mark.parametrize(
        ("cuts", "fault"),
        [
            ([], "must be in a group"),
            ([(4, 1, 1)], "must be in a group"),
            ([(4, 2, 1), (4, 1, 1)], "more items of a cost than the batch"),
            ([(4, 3, 1)], "more items of a cost than the batch"),
            ([(4, 1, 1 << 62)], "more items of a cost than the batch"),
            ([(5, 1, 2)], "more items of a cost than the batch"),
            ([(4, 0, 1)], "1 to 8 items"),
            ([(4, 9, 1)], "1 to 8 items"),
            ([(32, 1, 1)], "of one cost"),
        ],
    )
    def test_each_item_must_be_in_one_group(
        self, cuts: list[tuple[int, int, int]], fault: str
    ) -> None:
        with pytest.raises(ValueError, match=fault):
            self.batch(HASHED, HASHED).plan(cuts, kernel="portable", workers=1)

    def test_unknown_kernel(self) -> None:
        with pytest.raises(ValueError, match="kernel must be one that this CPU supports"):
            self.batch(HASHED).plan([(4, 1, 1)], kernel="quantum", workers=1)

    def test_order_of_calls(self) -> None:
        batch = self.batch(HASHED)
        with pytest.raises(ValueError, match="takes its 1 items once"):
            batch.add_hashes([b""], [HASHED], max_cost=31, truncate=True)
        with pytest.raises(ValueError, match="takes its 2 items once"):
            _native.Batch(2).add_hashes([b""], [HASHED], max_cost=31, truncate=True)
        with pytest.raises(ValueError, match="1 hashes are needed, not 0"):
            _native.Batch(1).add_hashes([b""], [], max_cost=31, truncate=True)
        with pytest.raises(ValueError, match="16 bytes of salt"):
            _native.Batch(1).add_passwords([b""], prefix=b"2b", cost=4, salts=b"", truncate=True)
        with pytest.raises(ValueError, match="after it is planned"):
            batch.run(print, slice_ns=0)
        assert (batch.items_done, batch.thread_ids) == (0, [])
        assert (batch.hashes(), batch.unprocessed()) == ([None], [0])
        with pytest.raises(ValueError, match="for 1 worker or more"):
            batch.plan([(4, 1, 1)], kernel="portable", workers=0)
        batch.plan([(4, 1, 1)], kernel="portable", workers=1)
        with pytest.raises(ValueError, match="planned once"):
            batch.plan([(4, 1, 1)], kernel="portable", workers=1)
        for slice_ns in (-1, 1_000_000_001):
            with pytest.raises(ValueError, match="slice_ns"):
                batch.run(print, slice_ns=slice_ns)
        batch.run(print, slice_ns=0)
        made = _native.Batch(1)
        made.add_passwords([b""], prefix=b"2b", cost=4, salts=bytes(16), truncate=True)
        with pytest.raises(ValueError, match="matches comes after add_hashes"):
            made.matches()

    @pytest.mark.parametrize("total", [(1 << 32) - 1, 1 << 32, (1 << 64) - 1])
    def test_more_items_than_there_can_be(self, total: int) -> None:
        with pytest.raises(MemoryError, match="at most 4294967294 items"):
            _native.Batch(total)

    @pytest.mark.parametrize(
        ("hashed", "fault"),
        [
            (b"", "60 bytes"),
            (HASHED[:-1], "60 bytes"),
            (b"$2c$04$" + b"." * 53, "prefix"),
            (b"$2\0$04$" + b"." * 53, "prefix"),
            (b"$2b$4$." + b"." * 53, "cost"),
            (b"$2b$03$" + b"." * 53, "cost"),
            (b"$2b$32$" + b"." * 53, "cost"),
            (b"$2b$:4$" + b"." * 53, "cost"),
            (b"$2b$04$" + b"." * 21 + b"/" + b"." * 31, "salt"),
            (b"$2b$04$" + b"-" + b"." * 52, "salt"),
            (b"$2b$04$" + b"\0" + b"." * 52, "salt"),
            (b"$2b$04$" + b"." * 52 + b"*", "digest"),
        ],
    )
    def test_malformed_hashes(self, hashed: bytes, fault: str) -> None:
        code, message = self.batch(hashed).refused[0]
        assert code == "invalid_hash"
        assert fault in message

    def test_malformed_settings(self) -> None:
        for setting in (b"", HASHED, b"$2b$03$" + b"." * 22):
            with pytest.raises(ValueError, match=r"60 bytes|cost"):
                _native.hash_one(b"pw", setting)

    @pytest.mark.parametrize(
        ("prefix", "cost", "salt"),
        [(b"2", 4, b"s" * 16), (b"2b", 3, b"s" * 16), (b"2b", 4, b"s" * 15)],
    )
    def test_make_setting(self, prefix: bytes, cost: int, salt: bytes) -> None:
        with pytest.raises(ValueError, match="a setting has"):
            _native.make_setting(prefix, cost, salt)
