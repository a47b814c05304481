"""AWS clients, and messages for the errors that the caller can correct."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

from emulator.problem import Problem

# A client waits this much longer for an answer than the function may run.
ANSWER_MARGIN_S = 30
LONGEST_TIMEOUT_S = 900

# botocore sends requests again that were throttled, failed on AWS's side or got no answer.
ATTEMPTS = 6
OPTIONS: dict[str, Any] = {
    "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
    "read_timeout": LONGEST_TIMEOUT_S + ANSWER_MARGIN_S,
    "tcp_keepalive": True,
}

# Statuses of AWS Lambda's Invoke that aren't the caller's fault.
THROTTLED = 429
SERVER_ERROR = 500

ADVICE = {
    "ResourceNotFoundException": "deploy benchmarks/template.yaml, or name its functions "
    "with --stack, --architectures, --memory and --region",
    "AccessDeniedException": "the identity in use lacks this permission",
    "UnrecognizedClientException": "the credentials are not valid: sign in again",
    "InvalidClientTokenId": "the credentials are not valid: sign in again",
    "InvalidSignatureException": "the credentials are not valid: sign in again",
    "ExpiredTokenException": "the credentials have expired: sign in again",
    "ExpiredToken": "the credentials have expired: sign in again",
}


def client(service: str, *, region: str | None, endpoint_url: str | None) -> Any:
    """Return a client.

    Raises:
        Problem: No region is known.
    """
    with explained():
        return boto3.client(
            service, region_name=region, endpoint_url=endpoint_url, config=Config(**OPTIONS)
        )


def emulator_client(endpoint_url: str) -> Any:
    """Return a client for a function in the emulator, which checks no signature."""
    return boto3.client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        # No proxy for this machine's own ports, whatever the environment says.
        config=Config(**OPTIONS, proxies={}),
    )


@contextmanager
def explained(*, unless_overloaded: bool = False) -> Iterator[None]:
    """Turn an AWS error into a Problem that says what to do.

    Args:
        unless_overloaded: Let errors pass that the caller can't correct: AWS was reached, but was
            overloaded or failed at each attempt.
    """
    try:
        yield
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.SSOError,
    ) as error:
        raise Problem(
            f"{error}: sign in (aws configure, aws sso login), or set AWS_PROFILE"
        ) from error
    except exceptions.NoRegionError as error:
        raise Problem("no region: give --region, or set AWS_REGION") from error
    except exceptions.ProfileNotFound as error:
        raise Problem(f"{error}: see AWS_PROFILE") from error
    except exceptions.ConnectionError as error:
        raise Problem(f"{error}: see --region, --endpoint-url and the network") from error
    except exceptions.ClientError as error:
        if unless_overloaded and overloaded(error):
            raise
        advice = ADVICE.get(code(error))
        raise Problem(f"{error}" + (f": {advice}" if advice else "")) from error


def overloaded(error: Any) -> bool:
    """Return whether AWS was reached, but failed or was overloaded."""
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status == THROTTLED or status >= SERVER_ERROR


def code(error: Any) -> str:
    """Return the code that AWS gave an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
