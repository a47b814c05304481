"""template.yaml: its parts are consistent."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from response import LOGGED
from tests.deployment.layers import PROJECT, succeed
from tests.deployment.template import VALUES, functions, resources, section


def test_each_function_has_the_layer_of_its_architecture() -> None:
    for resource in functions().values():
        (layer,) = resource["Properties"]["Layers"]
        layer = resources()[layer.strip("${}")]
        architectures = resource["Properties"]["Architectures"]
        assert layer["Properties"]["CompatibleArchitectures"] == architectures
        assert [layer["Metadata"]["BuildArchitecture"]] == architectures


def test_each_function_is_built_with_its_bytecode() -> None:
    for name, function in functions().items():
        assert function["Metadata"] == {"BuildMethod": "makefile"}, name


def test_each_function_logs_to_its_own_group_with_its_own_role() -> None:
    for resource in functions().values():
        group = resource["Properties"]["LoggingConfig"]["LogGroup"].strip("${}")
        name = f"/aws/lambda/{resource['Properties']['FunctionName']}"
        assert resources()[group]["Properties"]["LogGroupName"] == name
        role = "BulkRole" if resource.get("Condition") == "HasBulk" else "Role"
        assert resource["Properties"]["Role"] == f"${{{role}.Arn}}"
        policy = resources()[group.replace("LogGroup", "LogPolicy")]
        assert policy["Properties"]["Roles"] == [f"${{{role}}}"]
        assert policy.get("Condition") == resource.get("Condition")


def policies(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each policy's place in the template, and its statements."""
    if isinstance(node, dict) and "Statement" in node:
        assert node.keys() == {"Version", "Statement"}
        assert node["Version"] == "2012-10-17"
        yield path, node["Statement"]
    elif isinstance(node, (dict, list)):
        for key, below in node.items() if isinstance(node, dict) else enumerate(node):
            yield from policies(below, f"{path}/{key}".removeprefix("/"))


def allow(actions: str | list[str], on: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": on}


def trust(service: str) -> list[dict[str, Any]]:
    principal = {"Service": f"{service}.amazonaws.com"}
    return [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]


def arn(service: str, name: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{name}"


TABLES = "BulkRole/Properties/Policies/0/PolicyDocument"
CHUNKS = "BulkStateMachineRole/Properties/Policies/0/PolicyDocument"
POLICIES = {
    "Role/Properties/AssumeRolePolicyDocument": trust("lambda"),
    "BulkRole/Properties/AssumeRolePolicyDocument": trust("lambda"),
    "BulkStateMachineRole/Properties/AssumeRolePolicyDocument": trust("states"),
    "BulkKey/Properties/KeyPolicy": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"},
            "Action": "kms:*",
            "Resource": "*",  # the key itself: so AWS lets the account's IAM policies decide
        }
    ],
    "BulkBucketPolicy/Properties/PolicyDocument": [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["${BulkBucket.Arn}", "${BulkBucket.Arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
    # Only the function reads tables: more people read a state machine's history.
    TABLES: [
        allow("s3:GetObject", ["${BulkBucket.Arn}/in/*", "${BulkBucket.Arn}/runs/*"]),
        allow("s3:PutObject", "${BulkBucket.Arn}/runs/*"),
        allow("s3:ListBucket", "${BulkBucket.Arn}"),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], "${BulkKey.Arn}"),
    ],
    CHUNKS: [
        allow("lambda:InvokeFunction", arn("lambda", "function:stack-bulk-arm64")),
        allow("s3:GetObject", "${BulkBucket.Arn}/runs/*/plan.json"),
        allow(
            [
                *("s3:GetObject", "s3:PutObject"),
                *("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
            ],
            "${BulkBucket.Arn}/mapruns/*",
        ),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], "${BulkKey.Arn}"),
        allow("states:StartExecution", arn("states", "stateMachine:stack-bulk")),
        allow(
            ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"],
            [arn("states", "execution:stack-bulk:*"), arn("states", "execution:stack-bulk/*")],
        ),
    ],
} | {
    f"{group.replace('Group', 'Policy')}/Properties/PolicyDocument": [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"${{{group}.Arn}}")
    ]
    for group, resource in resources().items()
    if resource["Type"] == "AWS::Logs::LogGroup"
}


def test_nothing_is_allowed_but_this() -> None:
    found = dict(policies(resources()))
    for where in found.keys() | POLICIES.keys():
        assert found.get(where) == POLICIES.get(where), where


def keys(node: Any) -> Iterator[str]:
    """Yield every key of the template."""
    if isinstance(node, (dict, list)):
        for key, below in node.items() if isinstance(node, dict) else enumerate(node):
            yield str(key)
            yield from keys(below)


def test_nothing_is_allowed_in_another_way() -> None:
    """Neither by properties from which SAM makes policies, nor by policies of other accounts."""
    used = {*keys(resources()), *keys(section("Globals"))}
    more = {"FunctionUrlConfig", "ManagedPolicyArns", "PermissionsBoundary", "PolicyTemplates"}
    assert not used & more
    types = {resource["Type"] for resource in resources().values()}
    assert not types & {
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::RolePolicy",
        "AWS::Lambda::Permission",
    }
    holders = {name for name, of in resources().items() if "Policies" in of["Properties"]}
    assert holders == {"BulkRole", "BulkStateMachineRole"}


def test_a_url_takes_signed_requests_only() -> None:
    urls = [of for of in resources().values() if of["Type"] == "AWS::Lambda::Url"]
    assert len(urls) == 2
    for url in urls:
        assert url["Properties"]["AuthType"] == "AWS_IAM"
        assert url["Condition"] == "HasUrl"
    off = {"FunctionUrl", "Bulk"}
    assert {section("Parameters")[name]["Default"] for name in off} == {"false"}


def test_the_bucket_of_tables_is_closed() -> None:
    bucket = resources()["BulkBucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "VersioningConfiguration" not in bucket  # deleted objects are gone
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    delete = {"Id": "delete-input", "Status": "Enabled", "Prefix": "in/", "ExpirationInDays": 1}
    assert delete in bucket["LifecycleConfiguration"]["Rules"]
    assert resources()["BulkBucketPolicy"]["Properties"]["Bucket"] == "${BulkBucket}"


def test_managed_instances_are_off_by_default() -> None:
    managed = {name: of for name, of in resources().items() if name.startswith("Managed")}
    assert len(managed) == 6  # for two architectures
    assert {of.get("Condition") for of in managed.values()} == {"HasCapacityProvider"}
    assert section("Parameters")["CapacityProvider"]["Default"] == ""


@pytest.mark.parametrize("name", ["arm64", "x8664"])
def test_the_managed_function_takes_many_events_at_once(name: str) -> None:
    parameters = section("Parameters")
    function = resources()[f"ManagedFunction{name}"]["Properties"]
    config = function["CapacityProviderConfig"]
    concurrency = parameters["CapacityMaxConcurrency"]
    assert config["PerExecutionEnvironmentMaxConcurrency"] == concurrency["Default"]
    assert (concurrency["MinValue"], concurrency["MaxValue"]) == (1, 1600)
    # 16 processes a vCPU, as Lambda's own default.
    vcpus = function["MemorySize"] / 1024 / config["ExecutionEnvironmentMemoryGiBPerVCpu"]
    assert concurrency["Default"] == 16 * vcpus
    # SAM refuses these beside a capacity provider; Lambda offers none of them there.
    assert not function.keys() & {
        *("ProvisionedConcurrencyConfig", "VpcConfig", "SnapStart"),
        "ReservedConcurrentExecutions",
    }
    assert section("Globals")["Function"]["Runtime"] in ("python3.13", "python3.14")


def test_all_of_bulk_is_off_by_default() -> None:
    bulk = {name: of for name, of in resources().items() if name.startswith("Bulk")}
    assert len(bulk) == 13  # for two architectures
    assert {of.get("Condition") for of in bulk.values()} == {"HasBulk", "HasBulkAlarms"}
    both = [{"Condition": "HasBulk"}, {"Condition": "HasAlarms"}]
    assert section("Conditions")["HasBulkAlarms"] == {"Fn::And": both}


def test_alarms_are_off_by_default() -> None:
    alarms = {
        name: of
        for name, of in resources().items()
        if of["Type"] in ("AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter")
    }
    assert len(alarms) == 7  # three for each architecture, one for tables
    assert {of["Condition"] for of in alarms.values()} == {"HasAlarms", "HasBulkAlarms"}
    assert section("Parameters")["AlarmTopic"]["Default"] == ""
    for of in alarms.values():
        if of["Type"] == "AWS::CloudWatch::Alarm":
            assert of["Properties"]["AlarmActions"] == [""]  # the topic
            assert of["Properties"]["TreatMissingData"] == "notBreaching"  # nobody called


@pytest.mark.parametrize("name", ["arm64", "x8664"])
def test_an_incomplete_answer_sets_off_an_alarm(name: str) -> None:
    found = resources()[f"IncompleteFilter{name}"]["Properties"]
    assert found["LogGroupName"] == f"${{LogGroup{name}}}"
    assert found["FilterPattern"] == "{ $.complete IS FALSE }"
    assert "complete" in LOGGED  # what the handler logs
    (made,) = found["MetricTransformations"]
    alarm = resources()[f"IncompleteAlarm{name}"]["Properties"]
    names = (alarm["Namespace"], alarm["MetricName"])
    assert names == (made["MetricNamespace"], made["MetricName"])
    others = [of["Properties"].get("MetricName") for of in resources().values()]
    assert others.count(alarm["MetricName"]) == 1  # each function has its own


def test_each_parameter_is_described() -> None:
    """In the template, and in the document: sam deploy --guided shows names only."""
    table = (PROJECT / "docs/lambda.md").read_text().partition("| parameter | |")[2]
    for name, parameter in section("Parameters").items():
        assert parameter["Description"], name
        assert f"`{name}`" in table.partition("\n\n")[0], name


def test_the_build_says_how_another_architecture_than_the_default_is_deployed(
    tmp_path: Path,
) -> None:
    allowed = section("Parameters")["Architectures"]
    (other,) = set(allowed["AllowedValues"]) - {allowed["Default"]}
    override = f"Architectures={other}"
    config = (PROJECT / "samconfig.toml").read_text().replace("# parameter_", "parameter_")
    for_all = tomllib.loads(config)["default"]["global"]["parameters"]
    assert for_all["parameter_overrides"] == override
    shutil.copy(PROJECT / "Makefile", tmp_path)
    for name in ("build_layer.sh", "python3"):  # which would build the layer, and unpack it
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for architecture in allowed["AllowedValues"]:
        build = ("make", "--silent", f"build-Layer{architecture}", "WHEEL=wheel", "ARTIFACTS_DIR=.")
        said = succeed(*build, cwd=tmp_path, environment=environment)
        assert (f"--parameter-overrides {override}\n" in said) == (architecture == other)


def test_the_sam_cli_expands_the_loops_alike() -> None:
    pytest.importorskip("samcli", reason="the SAM CLI is not installed (group sam)")
    from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
    from samcli.yamlhelper import yaml_parse

    values = {**VALUES, "Architectures": ",".join(VALUES["Architectures"])}
    text = (PROJECT / "template.yaml").read_text()
    expanded = expand_language_extensions(yaml_parse(text), values, enabled=True).expanded_template
    assert expanded["Resources"].keys() == resources().keys()
    for name, resource in expanded["Resources"].items():
        assert resource["Type"] == resources()[name]["Type"]
        for key in ("FunctionName", "LogGroupName", "LayerName"):
            found = resource["Properties"].get(key)
            if not isinstance(found, dict):  # a reference
                assert found == resources()[name]["Properties"].get(key)
