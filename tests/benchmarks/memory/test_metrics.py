"""What is asked of CloudWatch, and what is made of its answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from benchmarks.memory import metrics

END = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ["bcrypt-batch-arm64-1536", "bcrypt-batch-x86_64-1536"]


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = boto3.client(
        service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    return client, Stubber(client)


def test_durations_are_asked_for_by_function_and_percentile() -> None:
    client, stubber = stubbed("cloudwatch")
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData",
        lambda params, **_: asked.append(dict(params)),
    )
    start = END - timedelta(minutes=90)
    result = {"Id": "q0", "Label": f"{NAMES[0]} Duration p50", "Timestamps": [start]}
    pages = [
        {"MetricDataResults": [{**result, "Values": [301.5]}], "NextToken": "more"},
        {"MetricDataResults": [{**result, "Label": f"{NAMES[0]} Errors Sum", "Values": [2.0]}]},
    ]
    for page in pages:
        stubber.add_response("get_metric_data", page)
    with stubber:
        found = metrics.durations_of(client, NAMES, END, 90)
    at = {"Duration p50": 301.5, "Errors Sum": 2.0}
    assert found == {NAMES[0]: {start.isoformat(): at}, NAMES[1]: {}}
    assert (asked[0]["StartTime"], asked[0]["EndTime"]) == (start, END)
    stats = [query["MetricStat"] for query in asked[0]["MetricDataQueries"]]
    assert len(stats) == len(NAMES) * len(metrics.STATISTICS)
    assert {stat["Period"] for stat in stats} == {90 * 60}
    assert {stat["Metric"]["Namespace"] for stat in stats} == {"AWS/Lambda"}
    dimension = stats[-1]["Metric"]["Dimensions"]
    assert dimension == [{"Name": "FunctionName", "Value": NAMES[1]}]
    # The only metrics of that namespace that are of use here; INIT and memory are not there.
    names = {stat["Metric"]["MetricName"] for stat in stats}
    assert names == {"Duration", "Invocations", "Errors", "Throttles"}


def test_reports_come_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "POLL_S", 0)
    client, stubber = stubbed("logs")
    asked = {
        "logGroupNames": [f"/aws/lambda/{NAMES[0]}"],
        "startTime": int(END.timestamp()) - 3600,
        "endTime": int(END.timestamp()),
        "queryString": metrics.QUERY,
    }
    stubber.add_response("start_query", {"queryId": "7"}, asked)
    stubber.add_client_error("start_query", "ResourceNotFoundException", http_status_code=400)
    values = {"reports": "21", "cold_starts": "1", "init_p50_ms": "47.31", "max_memory_mb": "44"}
    cells = [{"field": field, "value": value} for field, value in values.items()]
    for answer in (
        {"status": "Running", "results": []},
        {"status": "Complete", "results": [cells]},
    ):
        stubber.add_response("get_query_results", answer, {"queryId": "7"})
    with stubber:
        found = metrics.reports_of(client, NAMES, END, 60)
    wanted = {"reports": 21, "cold_starts": 1, "init_p50_ms": 47.31, "max_memory_mb": 44}
    assert found == {
        NAMES[0]: wanted,
        NAMES[1]: {"note": "no log group: never invoked, or it logs elsewhere"},
    }


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ({"status": "Complete", "results": []}, "no REPORT line in this time"),
        ({"status": "Failed", "results": []}, "the query ended as Failed"),
    ],
)
def test_a_log_that_says_nothing(answer: dict[str, Any], note: str) -> None:
    client, stubber = stubbed("logs")
    stubber.add_response("start_query", {"queryId": "7"})
    stubber.add_response("get_query_results", answer)
    with stubber:
        assert metrics.reports_of(client, NAMES[:1], END, 60) == {NAMES[0]: {"note": note}}
