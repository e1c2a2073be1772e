"""`jointspace doctor`"""

from __future__ import annotations

from jointspace.cli.output import Json, print_json, print_table


def doctor(as_json: Json = False) -> None:
    """Say what this machine and installation have: versions, devices, threads, extras, data, free disk.

    Example: jointspace doctor
    """
    from jointspace.doctor import examine

    rows = examine()
    if as_json:
        print_json(rows)
        return
    print_table(rows, ["what", "found", "note"])
