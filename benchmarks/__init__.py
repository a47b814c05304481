"""Measure bcrypt_batch: `python -m benchmarks COMMAND`.

Each module directly in `cpu/` or `memory/` is a command.
"""
