"""Send a request to a server that has gone, in a process that a SIGPIPE would end."""

import asyncio
import signal
import socket
import sys

from bcrypt_batch import client, protocol

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
ours, theirs = socket.socketpair()
ours.setblocking(False)
theirs.close()
message, reader = protocol.Request([(b"secret", b"$2b$04$" + b"." * 22)], even_if_full=False).next()
if sys.argv[1] == "thread":
    client.talk(ours, message, reader, None)
else:
    asyncio.run(client.talk_async(ours, message, reader))
assert not any(message) and not reader.complete
ours.close()
