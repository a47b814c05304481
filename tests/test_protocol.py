"""The protocol as docs/protocol.md has it: by a client in another language, and byte by byte."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import _native, protocol
from tests.documents import PROJECT, block
from tests.processes import check, require
from tests.serving import Serving, serving, until

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)
ITEM = HASH[:29] + b"\5right" + bytes(67)
DOCUMENT = (PROJECT / "docs/protocol.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("protocol")) as running:
        yield running
        assert running.checker().check(b"right", HASH)


def exchange(server: Serving, *parts: bytes) -> bytes:
    """Send some bytes in parts; return all that the server answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server.path)
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break
        answer = b""
        while True:
            try:
                data = connection.recv(4096)
            except ConnectionResetError:  # it has closed without reading all
                return answer
            if not data:
                return answer
            answer += data


def test_a_client_in_node(server: Serving, tmp_path: Path) -> None:
    require("node")
    script = tmp_path / "client.js"
    calls = ", ".join(
        f"check({server.path!r}, {password!r}, {hashed!r})"
        for password, hashed in (("right", HASH.decode()), ("wrong", HASH.decode()))
    )
    costly = HASH.decode().replace("$04$", "$31$")
    script.write_text(
        block("docs/protocol.md", "node")
        + f"Promise.all([{calls}]).then(console.log);"
        + f"check({server.path!r}, 'right', {costly!r}).catch((e) => console.log(e.message));"
    )
    lines = check(["node", str(script)]).splitlines()
    assert sorted(lines) == ["[ true, false ]", "no hash: reply 0, record 3"]


def test_answers_are_as_documented(server: Serving) -> None:
    request = b"bcq1\1\0\0\1" + ITEM
    answer = b"bcq1\0\x10\0\1\0\0\0" + HASH
    assert exchange(server, request) == answer
    assert exchange(server, *(request[i : i + 1] for i in range(len(request)))) == answer
    two = exchange(server, b"bcq1\1\1\0\2" + ITEM + HASH[:4] + b"17" + ITEM[6:])
    records = {two[8:71], two[71:]}
    assert records == {b"\0\0\0" + HASH, b"\0\1\3" + bytes(60)}
    figures = exchange(server, b"bcq1\2\0\0\0")
    assert figures[:8] == b"bcq1\0\x10\0\x0d"
    assert len(figures) == 8 + 13 * 8 == 8 + 8 * len(protocol.FIGURES)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"bcq2\1\0\0\1" + ITEM, 2),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2),
        (b"\0" * 100_000, 2),
        (b"bcq1\0\0\0\1" + ITEM, 1),
        (b"bcq1\3\0\0\1" + ITEM, 1),
        (b"bcq1\1\2\0\1" + ITEM, 1),
        (b"bcq1\1\0\0\0", 1),
        (b"bcq1\1\0\4\1" + ITEM, 1),
        (b"bcq1\2\0\0\1", 1),
    ],
    ids=range(9),
)
def test_bad_requests_are_answered_and_dropped(
    request_: bytes, reply: int, server: Serving
) -> None:
    assert exchange(server, request_) == b"bcq1" + bytes([reply]) + b"\x10\0\0"


@pytest.mark.parametrize(
    ("item", "record"),
    [
        (HASH[:29] + b"\x49" + b"x" * 72, 2),
        (b"$2b$04$" + b"!" * 22 + ITEM[29:], 2),
        (bytes(102), 2),
        (HASH[:4] + b"31" + ITEM[6:], 3),
    ],
)
def test_bad_items_are_answered(item: bytes, record: int, server: Serving) -> None:
    answer = exchange(server, b"bcq1\1\0\0\1" + item)
    assert answer == b"bcq1\0\x10\0\1\0\0" + bytes([record]) + bytes(60)


def test_what_is_behind_a_request_ends_it(server: Serving) -> None:
    costly = ITEM[:4] + b"14" + ITEM[6:]
    assert exchange(server, b"bcq1\1\0\0\1" + costly + b"x") in (b"", b"bcq1\0\x10\0\1")
    until(lambda: server.checker().stats().in_flight == 0)


def test_the_numbers_of_document_python_and_c_are_the_same() -> None:
    header = (PROJECT / "ext/engine/protocol.h").read_text()
    server = (PROJECT / "ext/engine/server.h").read_text()
    for name, value in (("BB_MAX_REQUEST_ITEMS", protocol.MOST_ITEMS),):
        assert f"{name} = {value}," in header
    assert "1 to 1024;" in DOCUMENT
    assert f"| item, {protocol.ITEM_BYTES} bytes |" in DOCUMENT
    assert f"| record, {protocol.RECORD.size} bytes |" in DOCUMENT
    assert f"| answer, {protocol.HEADER.size} bytes |" in DOCUMENT
    for name, said in (
        ("BB_MOST_CONNECTIONS", "{} connections"),
        ("BB_MOST_ITEMS", "{:,} items"),
        ("BB_TRANSFER_S", "{} seconds after its connection"),
    ):
        (value,) = re.findall(rf"{name} = (\d+)", server)
        assert said.format(int(value)) in DOCUMENT
    assert f"BB_TRANSFER_S = {_native.TRANSFER_NS / 1e9:.0f}," in server
