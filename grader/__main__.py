"""The command `gradmark`, also as `python -m grader`: a library that is missing is a message, not a traceback."""

import sys


def main():  # type: ignore[no-untyped-def]
    """Runs the command, or says which package is missing and how to get it."""
    try:
        from grader import cli
    except ImportError as error:
        from grader import libraries

        told = libraries.explained("%s: %s" % (type(error).__name__, error))  # noqa: UP031
        if told is None:
            raise
        sys.stderr.write("gradmark: %s\n%s\n" % told)  # noqa: UP031
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()  # type: ignore[no-untyped-call]
