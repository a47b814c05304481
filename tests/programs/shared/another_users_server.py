"""Listen at a path, and say how many bytes each client sends."""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o666)
    listener.listen()
    print("listening", flush=True)
    while True:
        with listener.accept()[0] as connection:
            count = 0
            while data := connection.recv(4096):
                count += len(data)
            print(f"got {count} bytes", flush=True)
