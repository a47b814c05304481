"""Read what Linux says of itself in /proc and /sys."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def read(path: str) -> str:
    """Return a file's text without the white space around it; empty if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def cgroups(
    controller: str, root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup"
) -> Iterator[tuple[int, str]]:
    """Yield version (1 or 2) and folder of each cgroup that bounds this process by a controller.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst; cgroups(7).
    """
    for line in read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, version = root, 2
        elif controller in controllers.split(","):
            base, version = f"{root}/{controller}", 1
        else:
            continue
        # A limit may sit on any ancestor; in a container without a cgroup namespace the path
        # means nothing inside, but the root is the container's own.
        while True:
            yield version, base + path.rstrip("/")
            if path in ("", "/"):
                break
            path = os.path.dirname(path)
