"""`jointspace VERB THING [key=value ...]`: one thin file a verb."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the `jointspace` command: one line and an exit code for every error a user can cause."""
    from jointspace.cli.app import app
    from jointspace.cli.output import outlive_the_reader
    from jointspace.errors import JointspaceError

    # threads that wait asleep: with spinning ones a busy machine slows torch down several times
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    debug = "--debug" in sys.argv
    sys.argv = [a for a in sys.argv if a != "--debug"]
    outlive_the_reader()
    try:
        app()
    except JointspaceError as error:
        if debug:
            raise
        print(f"jointspace: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("jointspace: stopped", file=sys.stderr)
        sys.exit(130)
