"""The command line: `python -m benchmarks COMMAND`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.problem import Problem

INTERRUPTED = 130


def invoke(commands: Any) -> None:
    command = add(commands, "invoke", "send the handler one event in the emulator")
    command.add_argument("--mode", default="parallel")
    command.add_argument("--count", type=int, default=20)
    command.add_argument("--event", type=Path, help="a JSON file, instead of mode and count")
    command.add_argument("--memory", type=int, default=3538, help="memory size in MB")
    command.add_argument("--worker-count", help="WORKER_COUNT of the function")


def fetch_emulator(commands: Any) -> None:
    add(commands, "fetch-emulator", "get the emulator, unless it is there", module="emulator")


def peers(commands: Any) -> None:
    command = add(commands, "peers", "compare bcrypt_batch with its peers on this machine")
    command.add_argument("--cost", type=int, default=10)
    command.add_argument(
        "--items", type=positive, nargs="+", default=[1, 20, 1000], help="passwords a run"
    )
    command.add_argument(
        "--seconds", type=float, default=60, help="for each batch size; 3 to 40 rounds"
    )
    command.add_argument("--output", type=Path, help="a folder for JSON and a chart")
    command.add_argument("--workers", type=positive, default=len(os.sched_getaffinity(0)))


def mca(commands: Any) -> None:
    command = add(commands, "mca", "estimate the kernel on other CPUs with llvm-mca")
    command.add_argument("--mca", default="llvm-mca-22", help="the program, default %(default)s")


def cold_starts(commands: Any) -> None:
    command = add(commands, "cold-starts", "the handler from the layer beside an empty handler")
    command.add_argument("layer", type=Path, help="layer-ARCH.zip, as build_layer.sh makes it")
    command.add_argument(
        "--pythons", nargs="+", default=[sys.executable], help="interpreters with awslambdaric"
    )
    command.add_argument("--starts", type=positive, default=20, help="of each (%(default)s)")
    command.add_argument("--memory", type=positive, default=3538, help="MB (%(default)s)")


def sweep(commands: Any) -> None:
    command = add(commands, "sweep", "measure every configuration; go on where it was interrupted")
    add_target(command)
    add_workload(command)
    command.add_argument(
        "--invocations", type=positive, default=20, help="warm ones, of each mode (%(default)s)"
    )
    command.add_argument("--cold", type=whole, default=0, help="cold starts (%(default)s)")
    command.add_argument(
        "--modes",
        nargs="+",
        choices=["parallel", "sequential"],
        default=["parallel", "sequential"],
        help="default: both",
    )
    command.add_argument("--output", type=Path, default=Path("build/sweep"), help="a folder")


def validate(commands: Any) -> None:
    command = add(commands, "validate", "check answers: one cold and three warm of each function")
    add_target(command)
    add_workload(command)


def burst(commands: Any) -> None:
    command = add(commands, "burst", "measure large batches, sequential against parallel")
    add_target(command)
    command.add_argument("--items", type=positive, nargs="+", default=[100, 500, 1000])
    command.add_argument("--cost", type=int, default=10)
    command.add_argument("--invocations", type=positive, default=1, help="of each (%(default)s)")
    command.add_argument("--output", type=Path, default=Path("build/burst"), help="a folder")


def metrics(commands: Any) -> None:
    command = add(commands, "metrics", "what CloudWatch has about the functions")
    add_functions(command)
    command.add_argument("--hours", type=float, default=1.0, help="how far back (%(default)s)")
    command.add_argument("--end", type=datetime.fromisoformat, help="ISO 8601; default now")
    command.add_argument("--output", type=Path, help="a JSON file")


def recommend(commands: Any) -> None:
    command = add(commands, "recommend", "the cheapest, fastest and balanced size for a workload")
    command.add_argument("--sweep", type=Path, default=Path("build/sweep"), help="its folder")
    add_workload(command)
    command.add_argument("--deadline-ms", type=float, help="that a batch must not take longer than")


def tuning_url(commands: Any) -> None:
    command = add(commands, "tuning-url", "aws-lambda-power-tuning's chart of a sweep")
    command.add_argument("--sweep", type=Path, default=Path("build/sweep"), help="its folder")
    command.add_argument("--mode", choices=["parallel", "sequential"], default="parallel")


def projection(commands: Any) -> None:
    add(commands, "projection", "what the published durations would become: no measurement")


def add(commands: Any, name: str, what: str, module: str = "") -> Any:
    """Add a command; its work is `run` in the module of its name."""
    command = commands.add_parser(name, help=what, description=f"{what}.")
    command.set_defaults(module=module or name.replace("-", "_"))
    return command


def add_workload(command: Any) -> None:
    command.add_argument("--items", type=positive, default=20, help="passwords (%(default)s)")
    command.add_argument("--cost", type=int, default=10, help="of each hash (%(default)s)")


def add_functions(command: Any) -> None:
    """Add what names functions on AWS."""
    command.add_argument("--stack", default="bcrypt-batch", help="(%(default)s)")
    command.add_argument("--architectures", nargs="+", choices=["arm64", "x86_64"])
    command.add_argument("--memory", type=positive, nargs="+", help="sizes in MB")
    command.add_argument("--region")
    command.add_argument("--endpoint-url", help="of the AWS API, instead of the region's own")


def add_target(command: Any) -> None:
    """Add what says which functions are invoked, and where."""
    command.add_argument("--target", choices=["lambda", "emulator"], default="lambda")
    add_functions(command)
    command.add_argument("--qualifier", help="a version or an alias")
    command.add_argument(
        "--engines",
        nargs="+",
        choices=["bcrypt_batch", "pyca"],
        default=["bcrypt_batch"],
        help="pyca: pyca/bcrypt in a ThreadPoolExecutor; in the emulator only",
    )
    command.add_argument(
        "--timeout", type=positive, default=60, help="of emulated functions, s (%(default)s)"
    )


def whole(text: str, least: int = 0) -> int:
    """Return an argument as a whole number."""
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
    return int(text)


def positive(text: str) -> int:
    return whole(text, least=1)


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for add_command in (invoke, fetch_emulator, peers, mca, cold_starts, sweep, validate, burst,
                        metrics, recommend, tuning_url, projection):  # fmt: skip
        add_command(commands)
    arguments = parser.parse_args()
    try:
        status: int | str = importlib.import_module(f"benchmarks.{arguments.module}").run(arguments)
    except Problem as problem:
        return f"{arguments.module.replace('_', '-')}: {problem}"
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
