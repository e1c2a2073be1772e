"""Upgrading: a new Space that queries the vectors an old one left behind."""

from jointspace.operations.upgrading.spaces import upgrade

__all__ = ["upgrade"]
