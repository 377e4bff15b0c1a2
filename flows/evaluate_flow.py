"""Evaluate any eraser on any list: a registered version, a guard's folder, a rival, or the bare base.

    python flows/evaluate_flow.py run --model models:/unhype-celeb100@champion
    python flows/evaluate_flow.py run --model models:/unhype-celeb100/7 --concepts objects       # another list
    python flows/evaluate_flow.py run --model build/guards/NAME --on strata --shards 4 --max-workers 4
    python flows/evaluate_flow.py run --method uce --concepts celeb10 --on strata
    python flows/evaluate_flow.py run --method none --concepts celeb100 --on prompts.csv
    python flows/evaluate_flow.py card view evaluate

What was found goes into a run in MLflow, and onto a registered version's page; no alias moves. On a cluster it is
repeated every week for what serves: `argo-workflows create` in production, with --model …@champion as its default.
"""

from pathlib import Path

from beginning import PACKAGE, Flow, plainly, show_table, watched  # before Metaflow: it sets the environment
from metaflow import (
    Parameter,
    card,
    current,
    package_sources,
    project,
    resources,
    retry,
    schedule,
    step,
    timeout,
)
from metaflow.cards import Image, Markdown, ValueBox


@project(name="unhype")
@schedule(weekly=True)
@package_sources(**PACKAGE)
class EvaluateFlow(Flow):
    """An eraser and a table of prompts → pictures in shards → scores on a card, in MLflow, on the version's page."""

    model = Parameter("model", default="", help="models:/NAME/NUMBER, models:/NAME@ALIAS, or a guard's folder")
    method = Parameter("method", default="none", help="without --model: none for the bare base, or a rival's name")
    concepts = Parameter("concepts", default="", help="a concept set, or a path to one (default: the guard's own)")
    on = Parameter("on", default="evaluation", help="evaluation, strata, or a CSV as of unhype evaluate --prompts")
    base = Parameter("base", default="", help="where the base lies (default: as the guard says, else the shipped one)")
    seed = Parameter("seed", default=0, help="of a rival's training")
    n = Parameter("n", default=0, help="prompts a role or stratum, at least (default: as the settings say)")
    shards = Parameter("shards", default=1, help="so many tasks draw and judge; --max-workers of them at a time")

    @step
    def start(self):
        """Find the eraser, the list and the judge; refuse what can't be, before any picture is drawn."""
        from unhype.evaluation.shards import Shard
        from unhype.pipeline import job as jobs
        from unhype.registry.resolving import named_version

        with plainly():
            Shard(0, self.shards)
            self.registered_name = self.number = ""
            if self.model.startswith("models:/"):
                self.registered_name, self.number = named_version(self.registry(), self.model)
            job = self._job()
            self.content = job.concepts.content_hash()
            if missing := jobs.judging_of(job).missing:
                print(f"unjudged: {missing}")
        print(f"{self.model or self.method} on {job.concepts.name}, {self.on}, drawn by {job.base.reference}")
        self.next(self.fit)

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=24)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def fit(self):
        """Fit a rival, as far as that is not done; nothing to do for a guard or the bare base."""
        from unhype.pipeline.carrying import pack

        with plainly():
            assessment = self._assessment({})
            current.card.append(Markdown(f"# {self.model or self.method}: fitting"))
            watched(assessment.fit())
            self.fitted = pack(assessment.job.build, assessment.fitted())
        self.numbers = list(range(self.shards))
        self.next(self.look, foreach="numbers")

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=24)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def look(self):
        """A shard of the prompts: draw them, and let the judge look."""
        with plainly():
            self.look_at(self._assessment({}))
        self.next(self.evaluate)

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=4)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def evaluate(self, inputs):
        """Join the shards, score what was seen, and write it down."""
        import json

        from unhype.files import write_text

        self.merge_artifacts(inputs, exclude=["seen", "pictures"])
        with plainly():
            assessment = self._assessment(self.join(inputs))
            watched(assessment.draw())  # nothing is missing now, and manifests list what all shards drew
            self.scores = assessment.scores()
            folder = assessment.job.build / "evaluations" / f"{current.flow_name}-{current.run_id}"
            self.written = str(folder / "scores.json")
            write_text(Path(self.written), json.dumps(self.scores, indent=2) + "\n")
            self._show(assessment)
            self._log()
        self.next(self.end)

    @step
    def end(self):
        """Say what was found, and where it is."""
        from unhype.reports.assessed import headline

        for title, value, about in headline(self.scores):
            print(f"{title}: {value} {about}")
        print(f"{self.written}; look with: python flows/evaluate_flow.py card view evaluate")

    def _asked(self):
        from unhype.comparison.assessing import Asked
        from unhype.registry.resolving import resolve

        guard = None
        if self.registered_name:  # rejected or not: how else would anybody find out about it?
            guard = resolve(self.registry(), f"models:/{self.registered_name}/{self.number}")
        elif self.model:
            guard = Path(self.model)
        return Asked(guard, "unhype" if guard else self.method, self.on, self.seed)

    def _job(self):
        """The job whose list, base and judge are asked."""
        from unhype.comparison.assessing import job_for
        from unhype.errors import UnhypeError
        from unhype.pipeline.carrying import unpack
        from unhype.terminal import quiet

        quiet()
        data, build = self.place("data"), self.place("build")
        unpack(getattr(self, "fitted", {}), build)
        job = job_for(self._asked(), self.params(), self.concepts, self.base, data, build, self.n or None)
        if (before := getattr(self, "content", None)) not in (None, job.concepts.content_hash()):
            raise UnhypeError(
                f"got the concept set {job.concepts.name} with the content {job.concepts.content_hash()[:12]}, wanted "
                f"{before[:12]} as when this run began: put it back, or start a new run"
            )
        return job

    def _assessment(self, seen):
        from unhype.comparison.assessing import Assessment

        return Assessment(self._asked(), self._job(), seen)

    def _version(self):
        from unhype.registry.models import version_at

        return version_at(self.registry(), self.registered_name, int(self.number)) if self.registered_name else None

    def _show(self, assessment):
        """The card: what a person looks at first, first."""
        from unhype.registry.reevaluating import beside_registered
        from unhype.reports.assessed import assessed_rows, headline, provenance

        show, scores, version = current.card.append, self.scores, self._version()
        current.card.clear()
        show(Markdown(f"# {version.uri if version else self.model or self.method} on {scores['concepts']}, {self.on}"))
        for title, value, about in headline(scores):
            show(ValueBox(title=title, value=value, subtitle=about))
        show_table("By kind of prompt", assessed_rows(scores))
        for stratum, why in scores.get("missing_strata", {}).items():
            show(Markdown(f"No {stratum}: {why}"))
        if version and scores["concepts"] == version.tags.get("concept_set"):
            rows = beside_registered(self.registry(), version, scores)
            show_table("Beside what was registered", (("figure", "registered", "now", "difference"), rows))
        show(Markdown(provenance(scores)))
        show(Markdown("## Gallery\nSame seeds: the base above, where it was asked, and the eraser below."))
        for group, picture in assessment.galleries():
            show(Image.from_pil_image(picture, label=group))

    def _log(self):
        """A run in MLflow, and the version's page."""
        from unhype.registry.publishing import git_commit
        from unhype.registry.reevaluating import log_evaluation
        from unhype.registry.store import project as checkout
        from unhype.reports.assessed import assessed_rows, provenance
        from unhype.reports.tables import markdown

        scores, run = self.scores, f"{current.flow_name}/{current.run_id}"
        tags = {"git_commit": git_commit(checkout()), "metaflow_run": run} | {
            name: str(scores[name]) for name in ("concepts_hash", "base_hash", "identity", "judge")
        }
        note = f"{markdown(assessed_rows(scores))}\n\n{provenance(scores)}"
        log_evaluation(self.registry(), scores, run, [Path(self.written)], tags, note, self._version())


if __name__ == "__main__":
    EvaluateFlow()
