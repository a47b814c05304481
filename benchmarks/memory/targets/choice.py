"""Make the target that the command line asks for."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

from benchmarks import sizes
from benchmarks.emulator import ARCHITECTURE
from benchmarks.emulator_target import ENGINES, EmulatorTarget
from benchmarks.invocation import Configuration
from benchmarks.lambda_target import LambdaTarget
from benchmarks.problem import Problem
from benchmarks.target import Target

# What a machine with two CPUs can be: less than one vCPU, a little more, and two.
EMULATOR_SIZES_MB = (1536, 2048, 3538)
LAMBDA_ARCHITECTURES = ("arm64", "x86_64")


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Target]:
    """Open the target that was asked for; SIGTERM closes it as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with target(arguments) as functions:
            yield functions
    finally:
        signal.signal(signal.SIGTERM, before)


def target(arguments: argparse.Namespace) -> Target:
    """Return the target, with every configuration that was asked for.

    Raises:
        Problem: The options contradict each other, or AWS can't be asked.
    """
    on_lambda = arguments.target == "lambda"
    here = (ARCHITECTURE,)
    architectures = arguments.architectures or (LAMBDA_ARCHITECTURES if on_lambda else here)
    memory_mb = arguments.memory or (sizes.TEMPLATE_SIZES_MB if on_lambda else EMULATOR_SIZES_MB)
    # Contestants beside each other: a disturbance of the machine meets them both.
    configurations = [
        Configuration(architecture, size, engine)
        for size, architecture, engine in product(
            sorted(set(memory_mb)), architectures, arguments.engines
        )
    ]
    if not on_lambda:
        if tuple(architectures) != here:
            raise Problem(f"the emulator runs this machine's architecture, {here[0]}")
        return EmulatorTarget(configurations, timeout_s=arguments.timeout)
    if arguments.engines != ["bcrypt_batch"]:
        raise Problem(f"the engines {', '.join(ENGINES)} can be compared in the emulator only")
    return LambdaTarget(
        configurations,
        stack=arguments.stack,
        region=arguments.region,
        endpoint_url=arguments.endpoint_url,
        qualifier=arguments.qualifier,
    )
