"""The HTTP request that an event came in, and the response to it.

Requests come through a Function URL (AWS Lambda Developer Guide, "Invoking Lambda function URLs"),
API Gateway with payload 1.0 or 2.0 (API Gateway Developer Guide, "Lambda proxy integrations"), or
an Application Load Balancer (its User Guide, "Lambda functions as targets").
"""

from __future__ import annotations

import json

from fields import InvalidEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# API Gateway drops a request after 29 s (an HTTP API after 30): it sends 504, and a later answer is
# lost. The 29 s include a cold start and the answer's way back, hence the second less.
API_GATEWAY_S = 29.0 - 1.0

STATUS = {200: "200 OK", 400: "400 Bad Request"}

GZIP = b"\x1f"  # the first byte; the second is lost if a sender treats the bytes as text
NOT_JSON = "the request's body must be a JSON object in UTF-8"
COMPRESSED = "the request's body is compressed: send it without Content-Encoding"


def method(event: Any) -> str | None:
    """Return the method of an HTTP request, whose body has the event; None for any other event.

    A `requestContext` alone doesn't prove HTTP: events for a Lambda destination have one, too.
    """
    if not isinstance(event, dict) or "requestContext" not in event:
        return None
    if "httpMethod" in event:  # payload 1.0, and a load balancer
        return str(event["httpMethod"])
    context = event["requestContext"]
    http = context.get("http") if isinstance(context, dict) else None
    return str(http.get("method")) if isinstance(http, dict) else None


class Envelope:
    """An HTTP request, as Lambda hands it over.

    Attributes:
        asks_for_health: Whether the request is a GET or HEAD, which has no event.
        patience_s: How many seconds a batch may run before the sender stops waiting; None if the
            sender waits as long as the function may run.
    """

    def __init__(self, event: dict[str, Any]) -> None:
        self._event = event
        # Answered without work: health checks, and people who open the URL, send no event.
        self.asks_for_health = method(event) in ("GET", "HEAD")
        context = event["requestContext"]
        if not isinstance(context, dict):
            context = {}
        self._of_load_balancer = "elb" in context
        # A target group is set to one kind of headers; the answer must have the same kind.
        self._many_values = self._of_load_balancer and "multiValueHeaders" in event
        # A Function URL sends payload 2.0 with API Gateway's fields; only the domain differs, also
        # behind CloudFront. A Function URL waits as long as the function runs. A load balancer's
        # idle timeout (60 s by default) is not in the request.
        domain = context.get("domainName")
        of_url = isinstance(domain, str) and ".lambda-url." in domain
        self.patience_s = None if of_url or self._of_load_balancer else API_GATEWAY_S

    def body(self) -> Any:
        """Return the body's JSON value.

        Raises:
            InvalidEvent: The body is compressed, or isn't JSON.
        """
        data = self._data()
        if data.startswith(GZIP) or self._has_encoding():
            raise InvalidEvent(COMPRESSED)
        try:
            return json.loads(data.decode("utf-8-sig"))  # with or without a byte order mark
        except (ValueError, RecursionError):
            pass  # raise outside: the decoder's error has the text, and must not be the context
        raise InvalidEvent(NOT_JSON)

    def _data(self) -> bytes:
        """Return the body as bytes; empty if it can't be read."""
        body: Any = self._event.get("body")
        try:
            if self._event.get("isBase64Encoded"):
                from binascii import a2b_base64  # here, to keep it out of cold starts

                return a2b_base64(body)
            return bytes(body.encode())
        except (AttributeError, TypeError, ValueError):
            return b""

    def _has_encoding(self) -> bool:
        """Return whether the headers name an encoding of the body."""
        found = (self._event.get(name) for name in ("headers", "multiValueHeaders"))
        return any(
            str(key).lower() == "content-encoding" and value not in ("identity", ["identity"])
            for headers in found
            if isinstance(headers, dict)
            for key, value in headers.items()
        )

    def answer(self, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        """Return the HTTP response with an answer as its body."""
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        response: dict[str, Any] = {"statusCode": status}
        if self._of_load_balancer:
            response["statusDescription"] = STATUS[status]
        if self._many_values:
            response["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
        else:
            response["headers"] = headers
        return {**response, "isBase64Encoded": False, "body": json.dumps(body)}

    def refusal(self, error: InvalidEvent) -> dict[str, Any]:
        """Return the response to a bad request."""
        return self.answer({"error": {"type": type(error).__name__, "message": str(error)}}, 400)
