"""The options that choose a target, and the target that they choose."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

from benchmarks.memory.targets.interface import Target
from benchmarks.memory.targets.invocation import Configuration
from benchmarks.memory.targets.on_lambda import LambdaTarget
from benchmarks.memory.targets.on_this_machine import ENGINES, EmulatorTarget
from emulator import sizes
from emulator.arguments import cost, positive
from emulator.function import ARCHITECTURE
from emulator.problem import Problem
from emulator.signals import raised_as_interrupts

# Sizes for a machine with two CPUs: less than one vCPU, a little more, and two.
EMULATOR_SIZES_MB = (1536, 2048, 3538)
LAMBDA_ARCHITECTURES = ("arm64", "x86_64")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the functions, on AWS or in the emulator."""
    parser.add_argument("--target", choices=["lambda", "emulator"], default="lambda")
    parser.add_argument(
        "--stack",
        default="bcrypt-batch-benchmarks",
        help="the functions' stacks are STACK-arm64, STACK-x8664 (%(default)s)",
    )
    parser.add_argument("--architectures", nargs="+", choices=LAMBDA_ARCHITECTURES)
    parser.add_argument("--memory", type=positive, nargs="+", help="sizes in MB")
    parser.add_argument("--region")
    parser.add_argument("--qualifier", help="a version or an alias")
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=ENGINES,
        default=["bcrypt_batch"],
        help="pyca: pyca/bcrypt in a ThreadPoolExecutor; in the emulator only",
    )
    parser.add_argument(
        "--timeout", type=positive, default=60, help="of emulated functions, s (%(default)s)"
    )


def add_workload(parser: argparse.ArgumentParser) -> None:
    """Add the options for one invocation's work."""
    parser.add_argument("--items", type=positive, default=20, help="passwords (%(default)s)")
    parser.add_argument("--cost", type=cost, default=10, help="of each hash (%(default)s)")


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Target]:
    """Open the chosen target; SIGTERM and SIGHUP close it as Ctrl-C does."""
    with raised_as_interrupts(), target(arguments) as functions:
        yield functions


def target(arguments: argparse.Namespace) -> Target:
    """Return the target with all chosen configurations.

    Raises:
        Problem: The options contradict each other, or AWS can't be asked.
    """
    on_lambda = arguments.target == "lambda"
    here = (ARCHITECTURE,)
    architectures = arguments.architectures or (LAMBDA_ARCHITECTURES if on_lambda else here)
    memory_mb = arguments.memory or (sizes.TEMPLATE_SIZES_MB if on_lambda else EMULATOR_SIZES_MB)
    # Contestants take adjacent turns, so that a disturbance of the machine affects both.
    configurations = [
        Configuration(architecture, size, engine)
        for size, architecture, engine in product(
            sorted(set(memory_mb)), architectures, arguments.engines
        )
    ]
    if not on_lambda:
        if tuple(architectures) != here:
            raise Problem(f"the emulator runs only this machine's architecture, {here[0]}")
        return EmulatorTarget(configurations, timeout_s=arguments.timeout)
    if arguments.engines != ["bcrypt_batch"]:
        raise Problem(f"to compare engines ({', '.join(ENGINES)}) add --target emulator")
    return LambdaTarget(
        configurations,
        stack=arguments.stack,
        region=arguments.region,
        qualifier=arguments.qualifier,
    )
