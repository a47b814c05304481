"""Send some bytes; print the answer. The server may close before it has read them."""

import contextlib
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(bytes.fromhex(sys.argv[2]))
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(4096):
            sys.stdout.buffer.write(data)
