"""One kind of error for a person's mistake. Everything else is a bug and keeps its traceback."""


class UnhypeError(ValueError):
    """A person's mistake, refused and never repaired.

    The message says, in one line: what was got, what was wanted, where, and what to do. The command line prints it
    without a traceback and exits with ``exit_code``.
    """

    exit_code = 2
