"""Names: what the model registry takes, and nothing that it does not."""

from __future__ import annotations

import pytest

from unhype.errors import UnhypeError
from unhype.names import FORBIDDEN, LONGEST, check_name


@pytest.mark.parametrize("name", ["celeb100", "unhype-celeb100", "my_set", "Künstler 2", "x" * LONGEST])
def test_plain_names_pass(name: str) -> None:
    check_name(name, "the name")


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a\n", "a\tb", "x" * (LONGEST + 1), *(f"a{letter}b" for letter in FORBIDDEN)]
)
def test_others_are_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(UnhypeError, match=r"got the name .* wanted letters, digits, - and _") as caught:
        check_name(name, "the name")
    assert "\n" not in str(caught.value)
