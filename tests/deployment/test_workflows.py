"""The workflows that build and publish use nothing whose content can change under its name."""

from __future__ import annotations

import re

import pytest

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


def test_only_the_release_may_write_or_prove_who_it_is() -> None:
    if not WORKFLOWS:
        pytest.skip("an sdist has no workflows")
    for workflow in WORKFLOWS:
        text = workflow.read_text()
        assert "permissions:\n  contents: read\n" in text
        assert ("write" in text) == (workflow.stem == "release"), workflow
        assert "secrets." not in text
