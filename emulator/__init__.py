"""The handler on this machine, as Lambda runs it: `python -m emulator invoke`.

The real Runtime Interface Emulator and runtime client (`function`), and what a Lambda memory size
comes with (`sizes`, `quota`). Used by make invoke, the tests and the benchmarks; uses neither of
them.
"""
