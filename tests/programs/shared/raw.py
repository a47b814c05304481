"""Send some bytes; print the answer."""

import contextlib
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    with contextlib.suppress(BrokenPipeError):  # turned away before
        connection.sendall(bytes.fromhex(sys.argv[2]))
    while data := connection.recv(4096):
        sys.stdout.buffer.write(data)
