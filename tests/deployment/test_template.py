"""template.yaml: what belongs together in it."""

from __future__ import annotations

import re

from tests.deployment.template import functions, resources


def test_each_function_has_the_layer_of_its_architecture() -> None:
    for resource in functions().values():
        (layer,) = resource["Properties"]["Layers"]
        layer = resources()[layer["Ref"]]
        architectures = resource["Properties"]["Architectures"]
        assert layer["Properties"]["CompatibleArchitectures"] == architectures
        assert [layer["Metadata"]["BuildArchitecture"]] == architectures


def test_each_function_is_built_with_its_bytecode() -> None:
    """But for the benchmark's, which sam builds as one: their cold starts compile the handler."""
    for name, function in functions().items():
        method = None if name.startswith("Benchmark") else "makefile"
        assert function.get("Metadata", {}).get("BuildMethod") == method, name


def test_each_function_logs_where_its_role_may_write() -> None:
    for resource in functions().values():
        group = resources()[resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
        name = f"/aws/lambda/{resource['Properties']['FunctionName']}"
        assert group["Properties"]["LogGroupName"] == name
        role = "BulkRole" if resource.get("Condition") == "HasBulk" else "Role"
        assert resource["Properties"]["Role"]["Fn::GetAtt"] == [role, "Arn"]
        assert "log-group:/aws/lambda/stack-" in str(allowed(role)["logs:PutLogEvents"])


def allowed(role: str) -> dict[str, list[str]]:
    """Return what a role may do to which resources."""
    found: dict[str, list[str]] = {}
    for policy in resources()[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions, on = statement["Action"], statement["Resource"]
            for action in [actions] if isinstance(actions, str) else actions:
                found.setdefault(action, []).extend(map(str, on if isinstance(on, list) else [on]))
    return found


def test_tables_are_read_by_their_function_only() -> None:
    """And by no state machine, whose history more people read."""
    function = allowed("BulkRole")
    assert "/in/*" in str(function["s3:GetObject"])
    assert [on for on in function["s3:PutObject"] if "/runs/*" not in on] == []
    machine = allowed("BulkStateMachineRole")
    assert "/in/" not in str(machine)
    assert "/parts/" not in str(machine)
    assert [on for on in machine["s3:GetObject"] if not re.search("/plan.json|/mapruns/", on)] == []
    assert [on for on in machine["s3:PutObject"] if "/mapruns/*" not in on] == []
    for actions in (function, machine, allowed("Role")):
        assert not [action for action in actions if "*" in action]
        assert "*" not in [on for many in actions.values() for on in many]


def test_the_bucket_of_tables_is_closed() -> None:
    bucket = resources()["BulkBucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "VersioningConfiguration" not in bucket  # what is deleted is gone
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["delete-input"]["Prefix"] == "in/"
    assert rules["delete-input"]["ExpirationInDays"] == 1
    (statement,) = resources()["BulkBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_all_of_bulk_is_off_by_default() -> None:
    bulk = {name: of for name, of in resources().items() if name.startswith("Bulk")}
    assert len(bulk) == 12  # for two architectures
    assert {of.get("Condition") for of in bulk.values()} == {"HasBulk"}
