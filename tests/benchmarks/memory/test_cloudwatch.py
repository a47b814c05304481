"""The commands in README.md that ask CloudWatch about the functions."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from tests.documents import block

# What Logs Insights finds in a function's REPORT lines, and in every line.
FIELDS = {"duration", "initDuration", "log", "maxMemoryUsed", "type"}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Run the commands with a program called aws that keeps its arguments; return them by call."""
    folder = tmp_path_factory.mktemp("aws")
    (folder / "aws").write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > {folder}/$2\necho from-$2\n")
    (folder / "aws").chmod(0o755)
    text = block("benchmarks/README.md", "percentiles") + block("benchmarks/README.md", "counts")
    path = f"{folder}:{os.environ['PATH']}"
    script = ["bash", "-euo", "pipefail", "-c", text]
    subprocess.run(script, env={**os.environ, "PATH": path}, check=True, stdout=subprocess.DEVNULL)
    return {
        file.name: file.read_text().split("\0")[:-1]
        for file in folder.iterdir()
        if file.name != "aws"
    }


def after(option: str, arguments: list[str]) -> str:
    return arguments[arguments.index(option) + 1]


def test_percentiles_by_log_group(calls: dict[str, list[str]]) -> None:
    asked = calls["start-query"]
    assert after("--log-group-names", asked) == "from-describe-log-groups"
    assert int(after("--end-time", asked)) - int(after("--start-time", asked)) in (3600, 3601)
    query = after("--query-string", asked)
    assert {*re.findall(r"@(\w+)", query)} == FIELDS
    assert {*re.findall(r"pct\(@duration, (\d+)\)", query)} == {"50", "90", "95", "99"}
    assert re.search(r"by @log\n", query)
    assert after("--query-id", calls["get-query-results"]) == "from-start-query"


def test_errors_and_throttles(calls: dict[str, list[str]]) -> None:
    queries = json.loads(after("--metric-data-queries", calls["get-metric-data"]))
    model = ServiceModel(Loader().load_service_model("cloudwatch", "service-2"))
    shape = model.operation_model("GetMetricData").input_shape
    times = {
        name: after(f"--{name.lower()}-time", calls["get-metric-data"]) for name in ("Start", "End")
    }
    request = {"MetricDataQueries": queries} | {f"{name}Time": at for name, at in times.items()}
    validate_parameters(request, shape)
    assert {*re.findall(r'"(\w+)"', queries[0]["Expression"])} == {
        "Invocations",
        "Errors",
        "Throttles",
    }
