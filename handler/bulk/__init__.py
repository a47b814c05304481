"""Whole tables on AWS: the functions behind the state machine. `app.handler` is the entry point."""
