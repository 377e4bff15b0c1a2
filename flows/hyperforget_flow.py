"""Diffusion over the weights of digit classifiers: train a zoo, train HyperForget on it, measure it, register it.

    python flows/hyperforget_flow.py run --signal two --start none
    python flows/hyperforget_flow.py run --signal classes --start trained --forget 7   # no net of the zoo forgot 7
    python flows/hyperforget_flow.py card view evaluate    # what was asked for, what came

Then: unhype hyperforget sample --forget 3 --out net.safetensors
"""

from beginning import PACKAGE, Flow, plainly, show_table  # before Metaflow: it sets the environment
from metaflow import Parameter, card, current, package_sources, project, resources, retry, step
from metaflow.cards import Markdown, VegaChart


@project(name="unhype")
@package_sources(**PACKAGE)
class HyperForgetFlow(Flow):
    """Zoo → diffusion over its weights → asked against got, beside what is simpler → registered model."""

    signal = Parameter("signal", default="two", help="one (L_f: DiHyFo-1), two (L_f and L_r: DiHyFo-2) or classes")
    begin = Parameter("start", default="none", help="none: nets out of noise; trained: what changes in a trained net")
    forget = Parameter("forget", default=3, help="the digit; with classes one that no net of the zoo has forgotten")
    seed = Parameter("seed", default=-1, help="of pictures, zoo and training (default: that of the settings)")

    @step
    def start(self):
        """Check what was asked for, before any work."""
        with plainly():
            self._job()
            self.registry()  # a database that MLflow can't use shows here
        self.next(self.zoo)

    @resources(cpu=2, memory=1500)
    @step
    def zoo(self):
        """Train many nets at once, and keep them on their way."""
        with plainly():
            zoo = self._job().zoo()
        print(f"zoo {zoo.card['hash'][:12]}: {zoo.nets.shape[0]} runs, {zoo.nets.shape[1]} nets of each")
        self.next(self.train)

    # A retry loses nothing: training goes on from its checkpoint.
    @resources(cpu=2, memory=1500)
    @retry(times=1, minutes_between_retries=0)
    @step
    def train(self):
        """Train the denoiser."""
        from unhype.progress import Progress, with_progress

        with plainly():
            reports = (Progress("training", r.step, r.steps, r.loss) for r in self._job().train())
            losses = [progress.loss for progress in with_progress(reports)]
        self.curve = [sum(losses[i : i + 100]) / len(losses[i : i + 100]) for i in range(0, len(losses), 100)]
        self.next(self.evaluate)

    @resources(cpu=2, memory=1500)
    @card(type="blank")
    @step
    def evaluate(self):
        """Sample, and measure beside what is simpler."""
        from unhype.reports.hyperforget import asked_and_got, method_rows
        from unhype.reports.tables import markdown

        with plainly():
            job = self._job()
            self.scores = job.evaluate()
        self.table = markdown(method_rows([self.scores]))
        print(self.table)
        show = current.card.append
        show(Markdown(f"# HyperForget: {self.signal}, {self.begin}, {self.forget} forgotten"))
        show_table("Beside what is simpler", method_rows([self.scores]))
        show(Markdown("## Asked against got\nMean loss on the forgotten digit's training pictures, in nats."))
        show(VegaChart(asked_and_got(self.scores)))
        self.next(self.register)

    @step
    def register(self):
        """Log the run and register the model as `challenger`."""
        from unhype.registry.hyperforget import publish

        with plainly():
            job = self._job()
            self.version = publish(
                root=self.place("store"),
                folder=job.folder,
                card=job.trained().card,
                scores=self.scores,
                curve=self.curve,
                metaflow_run=f"{current.flow_name}/{current.run_id}",
                description=self.table,
            )
        self.model = str(job.model_file)
        print(f"registered {self.version}")
        self.next(self.end)

    @step
    def end(self):
        """Say where everything is."""
        print(f"model {self.model}; {self.version}; python flows/hyperforget_flow.py card view evaluate")

    def _job(self):
        """The job of this run's parameters."""
        from unhype.pictures.seeds import check_seed
        from unhype.pipeline.forgetting import ForgettingJob

        settings = self.params().hyperforget
        seed = check_seed(settings.seed if self.seed == -1 else self.seed, "--seed")
        return ForgettingJob(settings, self.signal, self.begin, self.forget, seed, self.place("build") / "hyperforget")


if __name__ == "__main__":
    HyperForgetFlow()
