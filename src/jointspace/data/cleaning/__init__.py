"""Cleaning: filters as stages, each with its own switch and a count of what it removed."""

from jointspace.data.cleaning.frequency import Filters, clean
from jointspace.data.cleaning.image_hash import average_hash, near_duplicates
from jointspace.data.cleaning.report import CleaningReport

__all__ = ["CleaningReport", "Filters", "average_hash", "clean", "near_duplicates"]
