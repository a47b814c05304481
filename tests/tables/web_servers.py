"""The system's Apache and nginx, each asking for the passwords of an htpasswd file."""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.processes import PATIENCE_S, require

SignIn = Callable[[bytes, bytes], bool]
NOBODY = 65534

APACHE = """
ServerRoot "{folder}"
ServerName localhost
Listen 127.0.0.1:{port}
PidFile "{folder}/pid"
ErrorLog "{folder}/errors"
DocumentRoot "{folder}/pages"
Mutex pthread
KeepAlive On
MaxKeepAliveRequests 0
LoadModule mpm_event_module "{modules}/mod_mpm_event.so"
LoadModule authn_core_module "{modules}/mod_authn_core.so"
LoadModule authn_file_module "{modules}/mod_authn_file.so"
LoadModule authz_core_module "{modules}/mod_authz_core.so"
LoadModule authz_user_module "{modules}/mod_authz_user.so"
LoadModule auth_basic_module "{modules}/mod_auth_basic.so"
<Location "/">
    AuthType Basic
    AuthName x
    AuthUserFile "{folder}/users"
    Require valid-user
</Location>
"""

NGINX = """
daemon off;
master_process off;
pid "{folder}/pid";
error_log "{folder}/errors";
events {{ }}
http {{
    access_log off;
    client_body_temp_path "{folder}";
    proxy_temp_path "{folder}";
    fastcgi_temp_path "{folder}";
    scgi_temp_path "{folder}";
    uwsgi_temp_path "{folder}";
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        root "{folder}/pages";
        auth_basic x;
        auth_basic_user_file "{folder}/users";
    }}
}}
"""
MODULES = Path("/usr/lib/apache2/modules")  # Debian's


@contextmanager
def serving(program: str, users: bytes) -> Iterator[SignIn]:
    """Run a server as nobody; yield a function of name and password: whether they sign in.

    Args:
        program: `apache2` or `nginx`; the test is skipped where it is not installed.
        users: The htpasswd file.
    """
    require(program)
    if program == "apache2" and not MODULES.is_dir():
        pytest.skip(f"Apache's modules are not in {MODULES}")
    # Not pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pages").mkdir()
        (folder / "pages" / "index.html").write_text("in")
        (folder / "users").write_bytes(users)
        if os.getuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        process, port = _start(program, folder)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            yield lambda name, password: _sign_in(connection, name, password)
            connection.close()
        finally:
            process.kill()
            process.communicate()


def _start(program: str, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server on a free port, or on another one if that is taken meanwhile."""
    config = folder / "config"
    template = APACHE if program == "apache2" else NGINX
    command = {
        "apache2": ["apache2", "-X", "-f", str(config)],
        "nginx": ["nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "errors")],
    }[program]
    nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    said = b""
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        config.write_text(template.format(folder=folder, port=port, modules=MODULES))
        config.chmod(0o644)
        process = subprocess.Popen(
            [shutil.which(command[0]) or "", *command[1:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=folder, **(nobody if os.getuid() == 0 else {}),
        )  # fmt: skip
        ends = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return process, port
            time.sleep(0.01)
        process.kill()
        said, _ = process.communicate()
    raise OSError(f"{program} does not start: {said.decode(errors='replace')}")


def _sign_in(connection: http.client.HTTPConnection, name: bytes, password: bytes) -> bool:
    token = base64.b64encode(name + b":" + password).decode()
    connection.request("GET", "/index.html", headers={"Authorization": f"Basic {token}"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (200, 401), answer.status
    return answer.status == 200
