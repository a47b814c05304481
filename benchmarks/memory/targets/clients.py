"""AWS clients, and what to do about the errors that are the caller's to mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

from emulator.problem import Problem

# How much longer than the function may run a client waits for its answer.
ANSWER_MARGIN_S = 30
LONGEST_TIMEOUT_S = 900

# Each request is sent once, so that whoever sends it again can count.
OPTIONS: dict[str, Any] = {
    "retries": {"total_max_attempts": 1},
    "read_timeout": LONGEST_TIMEOUT_S + ANSWER_MARGIN_S,
    "tcp_keepalive": True,
}

ADVICE = {
    "ResourceNotFoundException": "deploy the stack, or name it with --stack, --architectures, "
    "--memory and --region",
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
def explained(
    unless: Callable[[Exception], bool] = lambda _: False,
) -> Iterator[None]:
    """Turn an error into one that says what to do, unless trying again may mend it."""
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
        if unless(error):
            raise
        raise Problem(f"{error}: see --region, --endpoint-url and the network") from error
    except exceptions.ClientError as error:
        if unless(error):
            raise
        advice = ADVICE.get(code(error))
        raise Problem(f"{error}" + (f": {advice}" if advice else "")) from error


def code(error: Any) -> str:
    """Return the code that AWS gave an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
