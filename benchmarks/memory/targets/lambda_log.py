"""Read the REPORT line that Lambda writes after each invocation of a function that logs as text.

Tabs separate the fields; fields that don't apply are left out. Source: AWS Lambda Developer Guide,
"Monitoring for Lambda SnapStart". The functions of benchmarks/template.yaml log as text.
"""

from __future__ import annotations

import re

from benchmarks.memory.targets.interface import Figures

FIELD = re.compile(r"\b((?:Billed |Init |Restore )*Duration|Max Memory Used): (\S+)")


def parse(log: str) -> Figures | None:
    """Return the figures of the last report in a log or a log's tail; None if it has no report."""
    line = next((one for one in reversed(log.splitlines()) if "REPORT RequestId:" in one), None)
    if line is None:
        return None
    fields = dict(FIELD.findall(line))
    init_ms = fields.get("Init Duration")
    return Figures(
        float(fields["Duration"]),
        int(fields["Billed Duration"]),
        None if init_ms is None else float(init_ms),
        int(fields["Max Memory Used"]),
    )
