"""Names that every place takes: a folder's, a registered model's, a URI's, a query's."""

from __future__ import annotations

from unhype.errors import UnhypeError

FORBIDDEN = "/\\:@.%'\"`"
"""What some place would read as its own: a path, ``models:/NAME@ALIAS``, an ending, an escape, a quotation."""

LONGEST = 100
"""Letters of a name; folders add a hash to it, the registry a prefix."""


def check_name(name: str, what: str, place: str = "") -> None:
    """Refuse a name that some place would not take, before any work.

    Args:
        what: what it names, for the error message.
        place: where it was read, for the error message.

    Raises:
        UnhypeError: the name is empty, too long, has blanks around it, or holds something of :data:`FORBIDDEN`.
    """
    plain = name.isprintable() and name == name.strip() and not set(name) & set(FORBIDDEN)
    if not (plain and 0 < len(name) <= LONGEST):
        raise UnhypeError(
            f"got {what} {name[: LONGEST + 1]!r}, wanted letters, digits, - and _, at most {LONGEST}: "
            f"the model registry takes no / \\ : @ . % and no quotes{place}"
        )
