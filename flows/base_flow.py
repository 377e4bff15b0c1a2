"""Pretrain a miniature base and measure it, with the result on a card.

    python flows/base_flow.py run
    python flows/base_flow.py run --base mini-flux        # needs mini-sd, from which it takes what they share
    python flows/base_flow.py card view measure

Stages that are done are not done again: a run after an interruption, or with nothing changed, goes on where the last
one stopped.
"""

from pathlib import Path

from beginning import PACKAGE, ROOT, Flow, plainly  # before Metaflow: it sets the environment
from metaflow import Parameter, card, current, package_sources, project, resources, retry, step, timeout
from metaflow.cards import Image, Markdown


@project(name="unhype")
@package_sources(**PACKAGE)
class BaseFlow(Flow):
    """Pretrain mini-sd with its CLIP and its judge, or mini-flux; measure it on held-out prompts."""

    base = Parameter("base", default="mini-sd", help="mini-sd or mini-flux")
    work = Parameter("work", default="", help="where checkpoints are kept (default: build/pretrain/BASE)")
    n = Parameter("n", default=1000, help="pictures per measured question, at least")

    @step
    def start(self):
        """Read the settings, before any time is spent."""
        with plainly():
            self.params().recipe(self.base)
        self.folder = self.work or str(ROOT / "build/pretrain" / self.base)
        self.next(self.pretrain)

    # A retry costs nothing that was done: every stage goes on from its checkpoint.
    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=168)
    @retry(times=1, minutes_between_retries=0)
    @step
    def pretrain(self):
        """All stages of the recipe."""
        from unhype.bases.cards import content_hash
        from unhype.miniature.showing import pretrain_and_ship

        with plainly():
            recipe, data = self.params().recipe(self.base), self.place("data")
            pretrain_and_ship(recipe, Path(self.folder), data, "auto")
            self.base_hash = content_hash(data / "bases" / self.base)
        self.next(self.measure)

    @resources(cpu=2, memory=4000)
    @card(type="blank")
    @step
    def measure(self):
        """Scores on held-out prompts, and a gallery."""
        from unhype.miniature.showing import demo, measure

        how, data = self.params().sampling, self.place("data")
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
            f"base {self.base_hash[:12]} in {self.place('data')}; "
            "look at it with: python flows/base_flow.py card view measure"
        )


if __name__ == "__main__":
    BaseFlow()
