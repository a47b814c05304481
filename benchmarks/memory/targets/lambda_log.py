"""Read the REPORT line that Lambda writes after each invocation.

Text format separates its fields by tabs and leaves out fields that don't apply; JSON format is one
record of type platform.report. Source: AWS Lambda Developer Guide, "Telemetry API event schema
reference" and "Monitoring for Lambda SnapStart".
"""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks.memory.targets.interface import Figures

FIELD = re.compile(r"\b((?:Billed |Init |Restore )*Duration|Max Memory Used): (\S+)")


def parse(log: str) -> Figures | None:
    """Return the figures of the last report in a log or a log's tail; None if it has no report."""
    for line in reversed(log.splitlines()):
        if "REPORT RequestId:" in line:
            return _from_text(line)
        if line.startswith("{") and (figures := _from_json(line)):
            return figures
    return None


def _from_text(line: str) -> Figures:
    fields = dict(FIELD.findall(line))
    init_ms = fields.get("Init Duration")
    return Figures(
        float(fields["Duration"]),
        int(fields["Billed Duration"]),
        None if init_ms is None else float(init_ms),
        int(fields["Max Memory Used"]),
    )


def _from_json(line: str) -> Figures | None:
    try:
        content = json.loads(line)
    except ValueError:  # cut off, or a line of the function's own
        return None
    if content.get("type") != "platform.report":
        return None
    metrics: dict[str, Any] = content["record"]["metrics"]
    return Figures(
        metrics["durationMs"],
        int(metrics["billedDurationMs"]),
        metrics.get("initDurationMs"),
        metrics["maxMemoryUsedMB"],
    )
