"""Print what CloudWatch has about the functions.

The namespace AWS/Lambda has Duration, Invocations, Errors and Throttles. It has no metric for INIT
or for memory: those come from the REPORT lines of the log, by Logs Insights, for functions that
log in text format.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.grid import Grid
from benchmarks.memory.targets import clients
from benchmarks.memory.targets.choice import LAMBDA_ARCHITECTURES, add_functions
from benchmarks.memory.targets.invocation import Configuration
from benchmarks.memory.targets.on_lambda import function_name
from emulator import sizes
from emulator.problem import Problem

STATISTICS = (
    ("Duration", "p50"),
    ("Duration", "p90"),
    ("Duration", "p95"),
    ("Duration", "p99"),
    ("Duration", "Average"),
    ("Duration", "Maximum"),
    ("Invocations", "Sum"),
    ("Errors", "Sum"),
    ("Throttles", "Sum"),
)
MOST_QUERIES = 500  # of one GetMetricData request

# Logs Insights gives memory in bytes, where a REPORT line's MB is a million of them.
QUERY = """filter @type = "REPORT"
| stats count(*) as reports, count(@initDuration) as cold_starts,
    pct(@initDuration, 50) as init_p50_ms, max(@initDuration) as init_max_ms,
    max(@maxMemoryUsed / 1000 / 1000) as max_memory_mb"""
FIELDS = ("reports", "cold_starts", "init_p50_ms", "init_max_ms", "max_memory_mb")

POLL_S = 1.0
QUERY_TIMEOUT_S = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_functions(parser)
    parser.add_argument("--hours", type=float, default=1.0, help="how far back (%(default)s)")
    parser.add_argument("--end", type=datetime.fromisoformat, help="ISO 8601; default now")
    parser.add_argument("--output", type=Path, help="a JSON file")


def run(arguments: argparse.Namespace) -> int:
    """Print two grids, and write them as JSON where asked to."""
    names = [
        function_name(arguments.stack, Configuration(architecture, memory_mb))
        for architecture, memory_mb in product(
            arguments.architectures or LAMBDA_ARCHITECTURES,
            arguments.memory or sizes.TEMPLATE_SIZES_MB,
        )
    ]
    end = _utc(arguments.end) if arguments.end else datetime.now(UTC) + timedelta(minutes=1)
    end = end.replace(second=0, microsecond=0)  # CloudWatch keeps whole minutes
    minutes = max(1, math.ceil(arguments.hours * 60))
    where = {"region": arguments.region, "endpoint_url": arguments.endpoint_url}
    with clients.explained():
        durations = durations_of(clients.client("cloudwatch", **where), names, end, minutes)
        reports = reports_of(clients.client("logs", **where), names, end, minutes)
    print(f"{minutes} minutes to {end.isoformat(timespec='minutes')}\n")
    print(_durations_grid(durations).plain())
    print(_reports_grid(reports).plain())
    if arguments.output:
        content = {"end": end.isoformat(), "minutes": minutes}
        content |= {"cloudwatch": durations, "logs": reports}
        arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    return 0


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def durations_of(
    cloudwatch: Any, names: list[str], end: datetime, minutes: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return each function's metrics by time and name; one time, unless CloudWatch splits it."""
    queries = [
        {
            "Id": f"q{i}",
            "Label": f"{name} {metric} {statistic}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "FunctionName", "Value": name}],
                },
                "Period": minutes * 60,
                "Stat": statistic,
            },
        }
        for i, (name, (metric, statistic)) in enumerate(product(names, STATISTICS))
    ]
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for first in range(0, len(queries), MOST_QUERIES):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries[first : first + MOST_QUERIES],
            StartTime=end - timedelta(minutes=minutes),
            EndTime=end,
        )
        for result in (result for page in pages for result in page["MetricDataResults"]):
            name, metric, statistic = result["Label"].split()
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                at = found[name].setdefault(moment.isoformat(), {})
                at[f"{metric} {statistic}"] = value
    return found


def reports_of(logs: Any, names: list[str], end: datetime, minutes: int) -> dict[str, Any]:
    """Return what each function's REPORT lines say, or why there are none."""
    queries = {name: _start(logs, name, end, minutes) for name in names}
    return {
        name: {"note": "no log group: never invoked, or it logs elsewhere"}
        if query is None
        else _result(logs, query)
        for name, query in queries.items()
    }


def _start(logs: Any, name: str, end: datetime, minutes: int) -> str | None:
    try:
        query = logs.start_query(
            logGroupNames=[f"/aws/lambda/{name}"],
            startTime=int((end - timedelta(minutes=minutes)).timestamp()),
            endTime=int(end.timestamp()),
            queryString=QUERY,
        )
    except logs.exceptions.ResourceNotFoundException:
        return None
    return str(query["queryId"])


def _result(logs: Any, query: str) -> dict[str, Any]:
    give_up = time.monotonic() + QUERY_TIMEOUT_S
    while True:
        found = logs.get_query_results(queryId=query)
        if found["status"] not in ("Scheduled", "Running"):
            break
        if time.monotonic() > give_up:
            raise Problem(f"Logs Insights has not finished in {QUERY_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)
    if found["status"] != "Complete":
        return {"note": f"the query ended as {found['status']}"}
    fields = {cell["field"]: cell["value"] for row in found["results"] for cell in row}
    if not fields:
        return {"note": "no REPORT line in this time"}
    return {name: float(fields[name]) for name in FIELDS if name in fields}


def _durations_grid(found: dict[str, dict[str, dict[str, float]]]) -> Grid:
    names = [f"{metric} {statistic}" for metric, statistic in STATISTICS]
    lines = []
    for function, moments in found.items():
        for at, values in sorted(moments.items()) or [("no data", {})]:
            lines.append([function, at[:16], *(_whole(values.get(name)) for name in names)])
    headings = [name.removeprefix("Duration ").removesuffix(" Sum") for name in names]
    return Grid("AWS/Lambda, Duration in ms", ["function", "from", *headings], lines)


def _reports_grid(found: dict[str, Any]) -> Grid:
    lines = [
        [function, *(_whole(values.get(name)) for name in FIELDS), values.get("note", "")]
        for function, values in found.items()
    ]
    headings = ["function", *(name.replace("_", " ") for name in FIELDS), "note"]
    return Grid("REPORT lines, by Logs Insights", headings, lines)


def _whole(value: float | None) -> float | int | None:
    """Show a count as one."""
    return int(value) if value is not None and value.is_integer() else value
