"""The workflows that build and publish use nothing whose content can change under its name."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
import yaml

from tests.deployment.layers import PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_hash(workflow: object) -> None:
    text = (PROJECT / str(workflow)).read_text()
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    for action in uses:
        pinned = re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
        assert pinned or action.startswith("./.github/"), action


def test_an_action_is_pinned_to_the_same_commit_everywhere() -> None:
    pins: defaultdict[str, set[str]] = defaultdict(set)
    for workflow in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w/-]+)@(.+)", workflow.read_text()):
            pins[action].add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_only_the_release_may_write_or_prove_who_it_is() -> None:
    if not WORKFLOWS:
        pytest.skip("an sdist has no workflows")
    for workflow in WORKFLOWS:
        text = workflow.read_text()
        assert "permissions:\n  contents: read\n" in text
        assert ("write" in text) == (workflow.stem == "release"), workflow
        assert "secrets." not in text


def test_what_is_published_is_attested() -> None:
    """The publishing action does so by default (PEP 740), but not for an upload by password."""
    if not WORKFLOWS:
        pytest.skip("an sdist has no workflows")
    text = (PROJECT / ".github/workflows/release.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["publish"]
    assert job["environment"]["name"] == "pypi"
    assert {"id-token": "write", "attestations": "write"}.items() <= job["permissions"].items()
    settings = {step["uses"].split("@")[0]: step["with"] for step in job["steps"] if "uses" in step}
    assert settings["pypa/gh-action-pypi-publish"] == {"packages-dir": "packages"}
    attested = settings["actions/attest-build-provenance"]["subject-path"]
    assert attested.split() == ["packages/*", "layers/*.zip"]
