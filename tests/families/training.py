"""Training on a tiny base, as the main job does it: prompts, base pictures, switch, material."""

from __future__ import annotations

from pathlib import Path

from tests.families.guards import SET
from unhype.eraser import Nothing
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.hypernet import HypernetConfig
from unhype.erasing.material import Material, Shares, build_material, pictures_needed
from unhype.erasing.switch import Switch
from unhype.erasing.trainer import TrainingSettings
from unhype.evaluation.album import Album
from unhype.families.family import Family
from unhype.pictures.sampling import Sampling
from unhype.prompts.tables import training_tables
from unhype.training import Schedule

PICTURES = Sampling(steps=1, guidance=2.0, batch=32)


def settings(steps: int, **options: object) -> TrainingSettings:
    """A tiny hypernetwork, a tiny batch."""
    shape = HypernetConfig(rank=2, hidden=16, basis=2)
    schedule = Schedule(steps=steps, batch=8, rate=1e-2)
    return TrainingSettings(hypernet=shape, schedule=schedule, retained=4, pictures=1, precision="fp32", **options)  # type: ignore[arg-type]


def prepared(
    family: Family, folder: Path, switched: bool, pairs: bool = True, shares: Shares | None = None
) -> tuple[Material, Switch | None]:
    """What training reads; pictures of no worth, drawn in one step."""
    tables = training_tables(SET)
    if not pairs:
        tables["pairs"] = tables["pairs"].iloc[:0]
    album, needed = Album(folder, Nothing(family, "tiny", PICTURES)), pictures_needed(tables, 1)
    for _ in album.draw(list(needed["prompt"]), list(needed["seed"])):
        pass
    switch = fit_to_set(family, SET) if switched else None
    return build_material(family, album, tables, needed, switch, shares or Shares()), switch
