"""Helpers that the tests in containers share."""

from __future__ import annotations

from tests.deployment.layers import PYTHONS

RUNTIME = f"public.ecr.aws/lambda/python:{PYTHONS[0]}-"
SAM = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}


def loop_name(architecture: str) -> str:
    """The architecture's name in the template's loops, of letters and digits only."""
    return architecture.replace("_", "")
