"""The handler on this machine, as Lambda runs it: `python -m emulator invoke`.

`function` runs the real Runtime Interface Emulator and runtime client, `instance` the runtime
client with several processes, as on Managed Instances; `sizes` and `quota` give them the CPUs of a
Lambda memory size. `make invoke`, the tests and the benchmarks use this package, which uses none of
them.
"""
