"""Carry out the event on standard input with the handler of bulk/; print its answer."""

from __future__ import annotations

import json
import sys

sys.path.insert(0, "handler")
from bulk.app import handler


class Context:
    aws_request_id = "test"

    def get_remaining_time_in_millis(self) -> int:
        return 40_000


print(json.dumps(handler(json.load(sys.stdin), Context())))
