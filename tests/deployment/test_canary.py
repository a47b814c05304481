"""publish_layer.sh --canary if the version exists already; without AWS or its emulators."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.deployment.layers import PROJECT, PYTHONS, run

SCRIPT = PROJECT / "publish_layer.sh"
ROLE = "arn:aws:iam::123456789012:role/canary"


def publish(folder: Path, answer: str) -> tuple[int, str, list[str]]:
    """Publish, with a canary, a layer that exists already; return status, output and calls."""
    content = b"a layer"
    digest = hashlib.sha256(content)
    (folder / "layer-arm64.zip").write_bytes(content)
    about = {"version": "1.0", "sha256": digest.hexdigest(), "license": "MIT"}
    described = json.dumps({**about, "runtimes": [f"python{PYTHONS[0]}"]})
    (folder / "layer-arm64.json").write_text(described)
    shutil.copy(PROJECT / "tests/programs/aws.py", folder / "aws")
    calls = folder / "calls"
    done = run(
        *(SCRIPT, "--input", folder, "--region", "us-east-1", "--public", "--canary", ROLE),
        environment={
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_CALLS": str(calls),
            "LAYER_DIGEST": base64.b64encode(digest.digest()).decode(),
            "CANARY_ANSWER": answer,
        },
    )
    return done.returncode, done.stdout + done.stderr, calls.read_text().splitlines()


LOOKED = ["list-layer-versions", "get-layer-version", "get-layer-version"]
TRIED = ["create-function", "wait", "invoke", "delete-function"]
TOLD = [
    *("get-layer-version-policy", "add-layer-version-permission"),
    *("put-parameter", "put-parameter"),
]


def test_a_version_that_is_there_is_tried_before_anyone_is_told(tmp_path: Path) -> None:
    """The run that published it may have ended before its canary answered."""
    answer = re.search(r"^ANSWER='(.*)'$", SCRIPT.read_text(), re.M)
    assert answer
    status, said, calls = publish(tmp_path, answer[1])
    assert status == 0, said
    assert calls == [*LOOKED, *TRIED, *TOLD]


@pytest.mark.parametrize("answer", ["null", '["$2a$05$CCCCCCCCCCCCCCCCCCCCC.", 8]', ""])
def test_nobody_is_told_of_a_version_that_answers_wrong(tmp_path: Path, answer: str) -> None:
    status, said, calls = publish(tmp_path, answer)
    assert status == 1
    assert "that version was not shared" in said
    assert calls == [*LOOKED, *TRIED]
