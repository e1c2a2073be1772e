"""Embedding tables of categorical columns behind one interface: every column's own, hashed, or shared by all."""

from jointspace.nn.tables.base import Tables
from jointspace.nn.tables.families import FAMILIES, Family, build, plan

__all__ = ["FAMILIES", "Family", "Tables", "build", "plan"]
