"""Adapters for frameworks. The rest of the package imports neither adapters nor frameworks."""
