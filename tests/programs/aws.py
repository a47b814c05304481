#!/usr/bin/env python3
"""The part of the AWS CLI that publish_layer.sh needs, with one existing layer version.

Writes the name of each call into the file AWS_CALLS, one a line. The layer's content has the digest
LAYER_DIGEST, and a function answers CANARY_ANSWER.
"""

import os
import sys
from pathlib import Path

arguments = sys.argv[1:]
with Path(os.environ["AWS_CALLS"]).open("a") as calls:
    calls.write(f"{arguments[1]}\n")
match arguments[1]:
    case "list-layer-versions":
        print("1")
    case "get-layer-version" if "Content.CodeSha256" in arguments:
        print(os.environ["LAYER_DIGEST"])
    case "get-layer-version" | "publish-layer-version":
        print("arn:aws:lambda:us-east-1:123456789012:layer:bcrypt-batch:1")
    case "get-layer-version-policy":
        sys.exit("ResourceNotFoundException")
    case "invoke":
        (answer,) = (name for name in arguments if name.endswith("answer.json"))
        Path(answer).write_text(os.environ["CANARY_ANSWER"])
