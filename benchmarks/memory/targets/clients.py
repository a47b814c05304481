"""Clients of AWS Lambda, and messages for the errors that the caller can correct."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

from emulator.problem import Problem

LONGEST_TIMEOUT_S = 900

# botocore sends requests again that were throttled, failed on AWS's side or got no answer.
ATTEMPTS = 6

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


def client(region: str | None) -> Any:
    """Return a client for functions on AWS.

    Raises:
        Problem: No region is known.
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        read_timeout=LONGEST_TIMEOUT_S + 30,  # longer than a function may run
        tcp_keepalive=True,
    )
    with explained():
        return boto3.client("lambda", region_name=region, config=config)


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
        raise Problem(f"{error}: see --region, AWS_ENDPOINT_URL and the network") from error
    except exceptions.ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if unless_overloaded and (status == 429 or status >= 500):  # 429: throttled
            raise
        advice = ADVICE.get(error.response.get("Error", {}).get("Code"))
        raise Problem(f"{error}" + (f": {advice}" if advice else "")) from error
