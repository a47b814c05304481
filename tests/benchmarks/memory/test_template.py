"""The functions that template.yaml deploys for the benchmark are those that it looks for."""

from __future__ import annotations

from itertools import product

from benchmarks.memory.targets.invocation import Configuration
from benchmarks.memory.targets.on_lambda import function_name
from emulator import sizes
from tests.deployment.template import functions


def test_the_benchmark_finds_its_twelve_functions() -> None:
    names = {
        resource["Properties"]["FunctionName"]: resource["Properties"]
        for resource in functions().values()
        if resource.get("Condition") == "HasBenchmarks"
    }
    assert len(names) == 12
    for architecture, memory_mb in product(("arm64", "x86_64"), sizes.TEMPLATE_SIZES_MB):
        name = function_name("stack", Configuration(architecture, memory_mb))
        assert names[name]["Architectures"] == [architecture]
        assert int(names[name]["MemorySize"]) == memory_mb
        assert names[name]["LoggingConfig"]["LogFormat"] == "Text"
