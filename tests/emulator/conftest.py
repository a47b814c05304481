"""Fixtures of these tests."""

from tests.emulator.quotas import quotas

__all__ = ["quotas"]
