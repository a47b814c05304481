"""Measure bcrypt_batch: `python -m benchmarks COMMAND`.

Every module that lies directly in `cpu/` or `memory/` is a command.
"""
