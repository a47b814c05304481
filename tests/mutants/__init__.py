"""Mutants: defects made on purpose, each with the tests that must notice it.

A file `SUBJECT.toml` of this folder lists those of one subject:

    [[mutant]]
    name = "hash comparison stops at the first difference"  # what is broken, in plain words
    file = "ext/kernel/wipe.c"
    old = '''text that occurs once in the file'''
    new = '''the text that replaces it'''
    tests = ["tests/test_hardening.py::test_name"]  # at least one of them must fail

`make mutants` runs them. Whoever adds a guard adds the mutant that the guard must notice.
"""
