"""A sweep's folder: its parameters and samples."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import boto3

from benchmarks.machine import VARYING, machine
from benchmarks.memory.figures.samples import Samples
from emulator.problem import Problem

PARAMETERS = "sweep.json"
SAMPLES = "samples.csv"


def workload(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters that all samples of a sweep must share."""
    same = {"target": arguments.target, "items": arguments.items, "cost": arguments.cost}
    if arguments.target == "lambda":
        same |= {"stack": arguments.stack, "qualifier": arguments.qualifier}
        same["endpoint"] = os.environ.get("AWS_ENDPOINT_URL")  # set if AWS is emulated
        return {**same, "region": arguments.region or boto3.Session().region_name}
    about = machine()
    return {**same, "machine": {name: about[name] for name in about if name not in VARYING}}


def continued(folder: Path, wanted: dict[str, Any], samples: Samples) -> dict[str, Any]:
    """Return the parameters of the sweep in a folder; write them if the folder has no samples.

    Raises:
        Problem: The folder has a sweep of other parameters.
    """
    path = folder / PARAMETERS
    if not samples.rows:
        path.write_text(json.dumps(wanted, indent=1) + "\n")
        return wanted
    found: dict[str, Any] = json.loads(path.read_text())
    had, now = _comparable(found), _comparable(wanted)
    if differing := [name for name in now if had.get(name) != now[name]]:
        details = "; ".join(f"{n} {had.get(n)}, not {now[n]}" for n in differing)
        raise Problem(
            f"{folder} holds a sweep of other parameters ({details}): "
            "give the same parameters to continue it, or another --output"
        )
    return found


def _comparable(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters without the commit, which changes with every saved file."""
    machine_here = {k: v for k, v in parameters.get("machine", {}).items() if k != "commit"}
    return {**parameters, "machine": machine_here}
