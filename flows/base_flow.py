"""Pretrain a miniature base and measure it, with the result on a card.

    python flows/base_flow.py run
    python flows/base_flow.py run --base mini-flux        # needs mini-sd, from which it takes what they share
    python flows/base_flow.py card view measure

Stages that are done are not done again: a run after an interruption, or with nothing changed, goes on where the last
one stopped.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if (ROOT / "unhype").is_dir():
    sys.path.insert(0, str(ROOT))
# Metaflow refuses the user "root", and would keep its runs wherever it was started.
os.environ.setdefault("METAFLOW_USER", "unhype")
os.environ.setdefault("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(ROOT))

from unhype.threads import wait_wisely

wait_wisely()

from metaflow import FlowSpec, Parameter, card, current, resources, retry, step
from metaflow.cards import Image, Markdown


class BaseFlow(FlowSpec):
    """Pretrain mini-sd with its CLIP and its judge, or mini-flux; measure it on held-out prompts."""

    base = Parameter("base", default="mini-sd", help="mini-sd or mini-flux")
    settings = Parameter("settings", default=str(ROOT / "params.yaml"), help="params.yaml or another file like it")
    data = Parameter("data", default=str(ROOT / "data"), help="where bases and judges are written")
    work = Parameter("work", default="", help="where checkpoints are kept (default: build/pretrain/BASE)")
    n = Parameter("n", default=1000, help="pictures per measured question, at least")

    @step
    def start(self):
        """Read the settings, before any time is spent."""
        from unhype.params import load_params

        load_params(Path(self.settings)).recipe(self.base)
        self.folder = self.work or str(ROOT / "build/pretrain" / self.base)
        self.next(self.pretrain)

    # A retry costs nothing that was done: every stage goes on from its checkpoint.
    @resources(cpu=2, memory=6000, gpu=1)
    @retry(times=1, minutes_between_retries=0)
    @step
    def pretrain(self):
        """All stages of the recipe."""
        from unhype.bases.cards import content_hash
        from unhype.miniature.showing import pretrain_and_ship
        from unhype.params import load_params

        recipe = load_params(Path(self.settings)).recipe(self.base)
        pretrain_and_ship(recipe, Path(self.folder), Path(self.data), "auto")
        self.base_hash = content_hash(Path(self.data) / "bases" / self.base)
        self.next(self.measure)

    @resources(cpu=2, memory=4000)
    @card(type="blank")
    @step
    def measure(self):
        """Scores on held-out prompts, and a gallery."""
        from unhype.miniature.showing import demo, measure
        from unhype.params import load_params

        how, data = load_params(Path(self.settings)).sampling, Path(self.data)
        self.scores = {score.stratum: (score.share, score.n) for score in measure(data, how, self.n, self.base)}
        gallery = Path(self.folder) / "gallery.png"
        demo(data, how, 18, gallery, self.base)
        current.card.append(
            Markdown((data / "bases" / self.base / "README.md").read_text(encoding="utf-8").split("---\n", 2)[-1])
        )
        current.card.append(Image(gallery.read_bytes()))
        self.next(self.end)

    @step
    def end(self):
        """Say where everything is."""
        print(
            f"base {self.base_hash[:12]} in {self.data}; look at it with: python flows/base_flow.py card view measure"
        )


if __name__ == "__main__":
    BaseFlow()
