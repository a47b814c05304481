"""The command line: a file for each command, which owns its options."""
