"""Compression: the same quality with fewer rows. Families of tables stand in `jointspace.nn.tables.FAMILIES`."""

from jointspace.operations.compression.operation import compress

__all__ = ["compress"]
