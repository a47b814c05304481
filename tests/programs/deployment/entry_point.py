"""moto calls this in a container, with handler and event; it prints the answer last."""

import importlib
import json
import sys

sys.path[:0] = ["/var/task", "/opt/python"]


class Context:
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


module, function = sys.argv[1].rsplit(".", 1)
event = sys.argv[2]
while isinstance(event, str):
    event = json.loads(event)
print(json.dumps(getattr(importlib.import_module(module), function)(event, Context())))
