"""Seeds: what a generator takes passes, and what it would refuse or bend is refused in one line."""

from __future__ import annotations

import pytest
import torch

from unhype.errors import UnhypeError
from unhype.pictures.seeds import HIGHEST, check_seed, read_seed


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1, 2**63, HIGHEST])
def test_what_passes_is_what_a_generator_keeps(seed: int) -> None:
    assert torch.Generator().manual_seed(check_seed(seed, "--seed")).initial_seed() == seed
    assert read_seed(f" 00{seed} ", "here") == seed


@pytest.mark.parametrize("seed", [-1, HIGHEST + 1, 10**23, -(10**4000)])
def test_others_are_refused_in_one_line(seed: int) -> None:
    with pytest.raises(UnhypeError, match=rf"as --seed, wanted a whole number from 0 to {HIGHEST} ") as caught:
        check_seed(seed, "--seed")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_seeds_that_count_on_must_all_pass() -> None:
    assert check_seed(HIGHEST - 2, "--seed", 3) == HIGHEST - 2
    with pytest.raises(UnhypeError, match="for 4 pictures"):
        check_seed(HIGHEST - 2, "--seed", 4)


@pytest.mark.parametrize("text", ["", "²", "-1", "1.0", "1e3", "1_000", "٣", "soon", "9" * 23, "9" * 6000])
def test_what_is_no_seed_in_a_file(text: str) -> None:
    with pytest.raises(UnhypeError, match="wanted a whole number from 0 to") as caught:
        read_seed(text, "the seed in line 3")
    assert "in line 3" in str(caught.value)
