"""Measure bcrypt_batch and run its handler as Lambda does: `python -m benchmarks`."""
