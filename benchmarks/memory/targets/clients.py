"""AWS clients, and what to do about the errors that are the caller's to mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

from emulator.problem import Problem

# How much longer than the function may run a client waits for its answer.
ANSWER_MARGIN_S = 30
LONGEST_TIMEOUT_S = 900

# What was throttled, failed on AWS's side or got no answer is sent again by botocore.
ATTEMPTS = 6
OPTIONS: dict[str, Any] = {
    "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
    "read_timeout": LONGEST_TIMEOUT_S + ANSWER_MARGIN_S,
    "tcp_keepalive": True,
}

# Statuses of AWS Lambda's Invoke that are nobody's mistake.
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
    """Turn an error into one that says what to do.

    Args:
        unless_overloaded: Let errors pass for which nothing can be done: AWS was reached, and had
            too much to do or failed, each time that it was asked.
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
    """Return whether AWS was reached, and failed or had too much to do."""
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status == THROTTLED or status >= SERVER_ERROR


def code(error: Any) -> str:
    """Return the code that AWS gave an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
