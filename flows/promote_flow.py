"""Judge a registered version by the gates, beside the champion: it becomes ``challenger``, or is told why not.

    python flows/promote_flow.py run --model models:/unhype-celeb100/7
    python flows/promote_flow.py card view gate          # the verdict: tables, pictures, regressions

A training flow does the same at its end. This one is for versions that were registered otherwise, for other thresholds
in params.yaml, and for another champion than there was. A person makes a champion, in MLflow's UI.
"""

from pathlib import Path

from beginning import ROOT, plainly, show_decision  # before Metaflow: it sets the environment
from metaflow import FlowSpec, Parameter, card, resources, retry, step


class PromoteFlow(FlowSpec):
    """Registered version → pictures beside the champion's → verdict on its page → challenger, or not."""

    model = Parameter("model", required=True, help="the version: models:/NAME/NUMBER or models:/NAME@ALIAS")
    concepts = Parameter("concepts", default="", help="its concept set, as a path (default: its own, in data/concepts)")
    base = Parameter("base", default="", help="where its base lies (default: as its guard says)")
    removal = Parameter("allow-removal", default=False, help="let it forget less than the champion does")
    settings = Parameter("settings", default=str(ROOT / "params.yaml"), help="params.yaml or another file like it")
    data = Parameter(
        "data", default=str(ROOT / "data"), help="folder of bases, judges, concept sets, prompts and images"
    )
    build = Parameter("build", default=str(ROOT / "build"), help="folder of guards, checkpoints and reports")
    store = Parameter("store", default=str(ROOT), help="folder of MLflow's database and artifacts")

    @step
    def start(self):
        """Find the version and its list; refuse what can't be judged, before any picture is drawn."""
        from unhype.registry.resolving import named_version
        from unhype.registry.store import open_store

        with plainly():
            self.registered_name, self.number = named_version(open_store(Path(self.store)), self.model)
            self._job()
        print(f"judging models:/{self.registered_name}/{self.number}")
        self.next(self.gate)

    @resources(cpu=2, memory=6000, gpu=1)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def gate(self):
        """Draw, judge, compare, and write the verdict onto the version's page."""
        from unhype.gates.reporting import log_report
        from unhype.params import load_params
        from unhype.pipeline import job as jobs
        from unhype.pipeline.promoting import Promotion
        from unhype.progress import with_progress
        from unhype.registry.deciding import decide
        from unhype.registry.models import version_at

        with plainly():
            job, guard, store = self._job()
            gates = load_params(Path(self.settings)).gates
            family, judging = jobs.load_base(job), jobs.judging_of(job)
            promotion = Promotion(job, family, judging, guard, store, self.registered_name, gates, removal=self.removal)
            for _progress in with_progress(promotion.run()):
                pass
            decision = promotion.decision(job.build / "gates" / f"{self.registered_name}-{self.number}")
            version = version_at(store, self.registered_name, int(self.number))
            self.version = decide(store, version, decision)
            log_report(store, self.version)
        self.passed, self.reasons = decision.passed, decision.reasons
        show_decision(self.version.uri, decision)
        self.next(self.end)

    @step
    def end(self):
        """Say what was decided."""
        print(f"{self.version.uri}: {'passed' if self.passed else 'rejected'}")
        for reason in self.reasons:
            print(f"  {reason}")

    def _job(self):
        """The job that made the version, where its guard lies, and the store."""
        from unhype.params import load_params
        from unhype.pipeline.promoting import job_of
        from unhype.registry.resolving import resolve
        from unhype.registry.store import open_store
        from unhype.terminal import quiet

        quiet()
        store = open_store(Path(self.store))
        guard = resolve(store, f"models:/{self.registered_name}/{self.number}")
        params = load_params(Path(self.settings))
        return job_of(guard, params, self.concepts, self.base, Path(self.data), Path(self.build)), guard, store


if __name__ == "__main__":
    PromoteFlow()
