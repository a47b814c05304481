"""template.yaml and statemachine/template.yaml: their parts are consistent."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables.commands.bulk import DEFAULT_STACK
from response import LOGGED
from tests.deployment.layers import PROJECT, succeed
from tests.deployment.template import VALUES, functions, resources, section
from tests.documents import block, commands

APPLICATION, TABLES = "template.yaml", "statemachine/template.yaml"


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


def test_nothing_is_built_for_tables_that_nobody_asked_for() -> None:
    """The application has its handler only; the tables' function takes a layer that is there."""
    assert section("Globals")["Function"]["Handler"] == "app.handler"
    assert not [name for name, of in functions().items() if "Handler" in of["Properties"]]
    ((_, function),) = functions(TABLES).items()
    assert function["Metadata"] == {"SkipBuild": True}
    assert function["Properties"]["Layers"] == ["${Layer}"]
    assert "Default" not in section("Parameters", TABLES)["Layer"]


@pytest.mark.parametrize("file", [APPLICATION, TABLES])
def test_each_function_logs_to_its_own_group(file: str) -> None:
    for resource in functions(file).values():
        group = resource["Properties"]["LoggingConfig"]["LogGroup"].strip("${}")
        name = f"/aws/lambda/{resource['Properties']['FunctionName']}"
        assert resources(file)[group]["Properties"]["LogGroupName"] == name
        assert resource["Properties"]["Role"] == "${Role.Arn}"
        if policy := resources(file).get(group.replace("LogGroup", "LogPolicy")):
            assert policy["Properties"]["Roles"] == ["${Role}"]


def test_the_client_finds_what_the_documented_commands_deploy() -> None:
    layer, (*_, file, _, architecture, given) = commands(block("docs/bulk.md", "deploy"))
    assert file == TABLES
    names = {words.partition("=")[0] for words in (architecture, given)}
    assert names <= section("Parameters", TABLES).keys()
    assert names == {"Architecture", "Layer"}
    (key,) = re.findall(r"OutputKey=='(\w+)'", " ".join(layer))
    assert key in section("Outputs")
    stacks = [
        tomllib.loads((PROJECT / folder / "samconfig.toml").read_text())["default"]["global"][
            "parameters"
        ]["stack_name"]
        for folder in ("", "statemachine")
    ]
    assert layer[layer.index("--stack-name") + 1] == stacks[0]
    assert stacks[1] == DEFAULT_STACK
    assert section("Outputs", TABLES).keys() == {"BulkBucket", "BulkStateMachine", "BulkFunction"}


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


def write_to(group: str) -> list[dict[str, Any]]:
    return [allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"${{{group}.Arn}}")]


POLICIES_OF_TABLES = {
    "Role/Properties/AssumeRolePolicyDocument": trust("lambda"),
    "StateMachineRole/Properties/AssumeRolePolicyDocument": trust("states"),
    "Key/Properties/KeyPolicy": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"},
            "Action": "kms:*",
            "Resource": "*",  # the key itself: so AWS lets the account's IAM policies decide
        }
    ],
    "BucketPolicy/Properties/PolicyDocument": [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["${Bucket.Arn}", "${Bucket.Arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
    # Only the function reads tables: more people read a state machine's history.
    "Role/Properties/Policies/0/PolicyDocument": write_to("LogGroup"),
    "Role/Properties/Policies/1/PolicyDocument": [
        allow("s3:GetObject", ["${Bucket.Arn}/in/*", "${Bucket.Arn}/runs/*"]),
        allow("s3:PutObject", "${Bucket.Arn}/runs/*"),
        allow("s3:ListBucket", "${Bucket.Arn}"),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], "${Key.Arn}"),
    ],
    "StateMachineRole/Properties/Policies/0/PolicyDocument": [
        allow("lambda:InvokeFunction", "${Function.Arn}"),
        allow("s3:GetObject", "${Bucket.Arn}/runs/*/plan.json"),
        allow(
            [
                *("s3:GetObject", "s3:PutObject"),
                *("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
            ],
            "${Bucket.Arn}/mapruns/*",
        ),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], "${Key.Arn}"),
        allow("states:StartExecution", arn("states", "stateMachine:stack")),
        allow(
            ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"],
            [arn("states", "execution:stack:*"), arn("states", "execution:stack/*")],
        ),
    ],
}
POLICIES = {
    "Role/Properties/AssumeRolePolicyDocument": trust("lambda"),
} | {
    f"{group.replace('Group', 'Policy')}/Properties/PolicyDocument": write_to(group)
    for group, resource in resources().items()
    if resource["Type"] == "AWS::Logs::LogGroup"
}


@pytest.mark.parametrize(
    ("file", "expected"), [(APPLICATION, POLICIES), (TABLES, POLICIES_OF_TABLES)]
)
def test_nothing_is_allowed_but_this(file: str, expected: dict[str, Any]) -> None:
    found = dict(policies(resources(file)))
    for where in found.keys() | expected.keys():
        assert found.get(where) == expected.get(where), where


def keys(node: Any) -> Iterator[str]:
    """Yield every key of the template."""
    if isinstance(node, (dict, list)):
        for key, below in node.items() if isinstance(node, dict) else enumerate(node):
            yield str(key)
            yield from keys(below)


@pytest.mark.parametrize(
    ("file", "holding"), [(APPLICATION, set[str]()), (TABLES, {"Role", "StateMachineRole"})]
)
def test_nothing_is_allowed_in_another_way(file: str, holding: set[str]) -> None:
    """Neither by properties from which SAM makes policies, nor by policies of other accounts."""
    used = {*keys(resources(file)), *keys(section("Globals", file))}
    more = {"FunctionUrlConfig", "ManagedPolicyArns", "PermissionsBoundary", "PolicyTemplates"}
    assert not used & more
    types = {resource["Type"] for resource in resources(file).values()}
    assert not types & {
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::RolePolicy",
        "AWS::Lambda::Permission",
    }
    holders = {name for name, of in resources(file).items() if "Policies" in of["Properties"]}
    assert holders == holding


def test_a_url_takes_signed_requests_only() -> None:
    urls = [of for of in resources().values() if of["Type"] == "AWS::Lambda::Url"]
    assert len(urls) == 2
    for url in urls:
        assert url["Properties"]["AuthType"] == "AWS_IAM"
        assert url["Condition"] == "HasUrl"
    assert section("Parameters")["FunctionUrl"]["Default"] == "false"


def test_the_bucket_of_tables_is_closed() -> None:
    bucket = resources(TABLES)["Bucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "VersioningConfiguration" not in bucket  # deleted objects are gone
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    delete = {"Id": "delete-input", "Status": "Enabled", "Prefix": "in/", "ExpirationInDays": 1}
    assert delete in bucket["LifecycleConfiguration"]["Rules"]
    assert resources(TABLES)["BucketPolicy"]["Properties"]["Bucket"] == "${Bucket}"


def test_managed_instances_are_off_by_default() -> None:
    managed = {name: of for name, of in resources().items() if name.startswith("Managed")}
    assert len(managed) == 10  # for two architectures
    conditions = {"HasCapacityProvider", "HasManagedAlarms"}
    assert {of.get("Condition") for of in managed.values()} == conditions
    both = [{"Condition": "HasCapacityProvider"}, {"Condition": "HasAlarms"}]
    assert section("Conditions")["HasManagedAlarms"] == {"Fn::And": both}
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


@pytest.mark.parametrize(("file", "number"), [(APPLICATION, 10), (TABLES, 1)])
def test_alarms_are_off_by_default(file: str, number: int) -> None:
    alarms = {
        name: of
        for name, of in resources(file).items()
        if of["Type"] in ("AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter")
    }
    assert len(alarms) == number  # five for each architecture, one for tables
    assert {of["Condition"] for of in alarms.values()} <= {"HasAlarms", "HasManagedAlarms"}
    assert section("Parameters", file)["AlarmTopic"]["Default"] == ""
    for of in alarms.values():
        if of["Type"] == "AWS::CloudWatch::Alarm":
            assert of["Properties"]["AlarmActions"] == [""]  # the topic
            assert of["Properties"]["TreatMissingData"] == "notBreaching"  # nobody called


@pytest.mark.parametrize("name", ["arm64", "x8664"])
def test_errors_of_each_function_set_off_an_alarm(name: str) -> None:
    for function in (f"Function{name}", f"ManagedFunction{name}"):
        alarm = resources()[function.replace("Function", "ErrorAlarm")]["Properties"]
        dimensions = [{"Name": "FunctionName", "Value": f"${{{function}}}"}]
        wanted = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions}
        assert wanted.items() <= alarm.items()


@pytest.mark.parametrize("managed", ["", "Managed"])
@pytest.mark.parametrize("name", ["arm64", "x8664"])
def test_an_incomplete_answer_sets_off_an_alarm(name: str, managed: str) -> None:
    found = resources()[f"{managed}IncompleteFilter{name}"]["Properties"]
    assert found["LogGroupName"] == f"${{{managed}LogGroup{name}}}"
    assert found["FilterPattern"] == "{ $.complete IS FALSE }"
    assert "complete" in LOGGED  # what the handler logs
    (made,) = found["MetricTransformations"]
    alarm = resources()[f"IncompleteAlarm{name}"]["Properties"]
    names = (alarm["Namespace"], alarm["MetricName"])
    assert names == (made["MetricNamespace"], made["MetricName"])
    others = [of["Properties"].get("MetricName") for of in resources().values()]
    assert others.count(alarm["MetricName"]) == 1  # each architecture has its own


@pytest.mark.parametrize(
    ("file", "document"), [(APPLICATION, "docs/lambda.md"), (TABLES, "docs/bulk.md")]
)
def test_each_parameter_is_described(file: str, document: str) -> None:
    """In the template, and in the document: sam deploy --guided shows names only."""
    table = (PROJECT / document).read_text().partition("| parameter | |")[2]
    for name, parameter in section("Parameters", file).items():
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


@pytest.mark.deployed
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
