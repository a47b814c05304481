"""Read the REPORT line that Lambda writes after each invocation.

Text format separates its fields by tabs and leaves out fields that don't apply; JSON format is one
record of type platform.report. Source: AWS Lambda Developer Guide, "Telemetry API event schema
reference" and "Monitoring for Lambda SnapStart".
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

# Longer names come first: four of them end in "Duration".
FIELD = re.compile(
    r"\b(Billed Restore Duration|Restore Duration|Billed Duration|Init Duration|Duration"
    r"|Memory Size|Max Memory Used|Status): (\S+)"
)


class Report(NamedTuple):
    """Lambda's report of one invocation."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: float | None = None
    status: str = "success"


def parse(log: str) -> Report | None:
    """Return the last report in a log or a log's tail; None if it has no report."""
    for line in reversed(log.splitlines()):
        if "REPORT RequestId:" in line:
            return _from_text(line)
        if line.startswith("{") and (report := _from_json(line)):
            return report
    return None


def _from_text(line: str) -> Report:
    fields = dict(FIELD.findall(line))
    request_id = line.split("REPORT RequestId:")[1].split()[0]
    return Report(
        request_id,
        float(fields["Duration"]),
        int(fields["Billed Duration"]),
        int(fields["Memory Size"]),
        int(fields["Max Memory Used"]),
        _number(fields.get("Init Duration")),
        _number(fields.get("Restore Duration")),
        _number(fields.get("Billed Restore Duration")),
        fields.get("Status", "success"),
    )


def _from_json(line: str) -> Report | None:
    try:
        content = json.loads(line)
    except ValueError:  # cut off, or a line of the function's own
        return None
    if content.get("type") != "platform.report":
        return None
    record: dict[str, Any] = content["record"]
    metrics: dict[str, Any] = record["metrics"]
    return Report(
        record["requestId"],
        metrics["durationMs"],
        int(metrics["billedDurationMs"]),
        metrics["memorySizeMB"],
        metrics["maxMemoryUsedMB"],
        metrics.get("initDurationMs"),
        metrics.get("restoreDurationMs"),
        metrics.get("billedRestoreDurationMs"),
        record.get("status", "success"),
    )


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
