"""Judge a registered version by the gates, beside the champion: it becomes ``challenger``, or is told why not.

    python flows/promote_flow.py run --model models:/unhype-celeb100/7
    python flows/promote_flow.py card view gate          # the verdict: tables, pictures, regressions

A training flow does the same at its end. This one is for versions that were registered otherwise, for other thresholds
in params.yaml, and for another champion than there was. A person makes a champion, in MLflow's UI.
"""

from beginning import PACKAGE, Flow, plainly, show_decision, watched  # before Metaflow: it sets the environment
from metaflow import Parameter, card, package_sources, project, resources, retry, step, timeout


@project(name="unhype")
@package_sources(**PACKAGE)
class PromoteFlow(Flow):
    """Registered version → pictures beside the champion's → verdict on its page → challenger, or not."""

    model = Parameter("model", required=True, help="the version: models:/NAME/NUMBER or models:/NAME@ALIAS")
    concepts = Parameter("concepts", default="", help="its concept set, as a path (default: its own, in data/concepts)")
    base = Parameter("base", default="", help="where its base lies (default: as its guard says)")
    removal = Parameter("allow-removal", default=False, help="let it forget less than the champion does")

    @step
    def start(self):
        """Find the version and its list; refuse what can't be judged, before any picture is drawn."""
        from unhype.registry.resolving import named_version

        with plainly():
            self.registered_name, self.number = named_version(self.registry(), self.model)
            self._job()
        print(f"judging models:/{self.registered_name}/{self.number}")
        self.next(self.gate)

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=24)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def gate(self):
        """Draw, judge, compare, and write the verdict onto the version's page."""
        from unhype.gates.reporting import log_report
        from unhype.pipeline import job as jobs
        from unhype.pipeline.promoting import Promotion
        from unhype.registry.deciding import decide
        from unhype.registry.models import version_at

        with plainly():
            job, guard, store = self._job()
            gates = self.params().gates
            family, judging = jobs.load_base(job), jobs.judging_of(job)
            promotion = Promotion(job, family, judging, guard, store, self.registered_name, gates, removal=self.removal)
            watched(promotion.run())
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
        from unhype.pipeline.promoting import job_of
        from unhype.registry.resolving import resolve
        from unhype.terminal import quiet

        quiet()
        store = self.registry()
        guard = resolve(store, f"models:/{self.registered_name}/{self.number}")
        where = self.place("data"), self.place("build")
        return job_of(guard, self.params(), self.concepts, self.base, *where), guard, store


if __name__ == "__main__":
    PromoteFlow()
