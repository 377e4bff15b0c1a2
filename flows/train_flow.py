"""Make a base forget a concept set: validate it, train a guard, score it on pictures, register it.

    python flows/train_flow.py run --concepts celeb100
    python flows/train_flow.py run --concepts objects --seed 1
    python flows/train_flow.py run --shards 8 --max-workers 8       # draw and judge on eight machines, or GPUs
    python flows/train_flow.py resume                    # after a failure: what is done stays done
    python flows/train_flow.py card view evaluate        # headline, scores, gallery, switch, curves, rules

`unhype concepts list` names the sets, `make ui` opens the registry, where a person promotes a version. Tables, guard
and pictures travel with the run: a step finds them on another machine, and after `build` was cleared.
"""

from dataclasses import replace

from beginning import (  # before Metaflow: it sets the environment
    PACKAGE,
    Flow,
    plainly,
    show_decision,
    show_table,
    watched,
)
from metaflow import (
    Parameter,
    Step,
    card,
    current,
    namespace,
    package_sources,
    project,
    resources,
    retry,
    step,
    timeout,
)
from metaflow.cards import Image, Markdown, ValueBox, VegaChart


@project(name="unhype")
@package_sources(**PACKAGE)
class TrainFlow(Flow):
    """Concept list → validated set → trained guard → scored pictures → registered model."""

    concepts = Parameter(
        "concepts",
        default="celeb100",
        help="a concept set in data/concepts, or a path to one; `unhype concepts list` names them",
    )
    base = Parameter(
        "base",
        default="mini-sd",
        help="shipped base, sd14, sd15, sd21, sdxl, flux-dev, flux-schnell, hub id, folder or .safetensors file",
    )
    seed = Parameter("seed", default=0, help="of initial weights, batches and noise of the training")
    shards = Parameter("shards", default=1, help="so many tasks draw and judge; --max-workers of them at a time")
    removal = Parameter("allow-removal", default=False, help="let the list forget less than the champion's")
    model = Parameter(
        "model",
        default="",
        help="name in the model registry (default: unhype-<set>, elsewhere than on mini-sd unhype-<set>-<base>)",
    )

    @card(type="blank")
    @step
    def start(self):
        """Validate the concept set, its prompts, the seed and the model's name, before any second of a GPU is spent."""
        from unhype.concepts.loading import load_set, set_path
        from unhype.concepts.report import write_report
        from unhype.concepts.suite import validate_set
        from unhype.errors import UnhypeError
        from unhype.evaluation.shards import Shard
        from unhype.names import check_name
        from unhype.pictures.seeds import check_seed
        from unhype.pipeline import job as jobs
        from unhype.pipeline.carrying import pack
        from unhype.pipeline.promoting import check_removal
        from unhype.registry.models import set_of
        from unhype.registry.naming import model_name

        with plainly():
            check_seed(self.seed, "--seed")
            Shard(0, self.shards)
            folder = self.place("data") / "concepts"
            concepts, path = load_set(self.concepts, folder), set_path(self.concepts, folder)
            self.registered_name = self.model or model_name(concepts.name, self.base)
            check_name(self.registered_name, "the model name")
            self.content = concepts.content_hash()  # what every later step must find
            report = self.place("build") / "reports" / f"{concepts.name}.html"
            result = validate_set(concepts)
            if result.ok:
                store = self.registry()  # a database that MLflow can't use shows here
                if (own := set_of(store, self.registered_name)) not in ("", concepts.name):
                    print(f"no alias: {self.registered_name} is of the set {own}, not {concepts.name}; see --model")
                if told := check_removal(store, self.registered_name, concepts, self.removal):
                    print(told)
                job = self._job()  # and a base that does not know these concepts
                if missing := jobs.judging_of(job).missing:
                    print(f"unjudged: {missing}")
                self.prompts = jobs.write_prompts(job)  # and rows that must not be trained on
                self.tables = pack(job.data, sorted(job.prompts_folder.iterdir()))
                result = jobs.validate(job, jobs.load_base(job))
            write_report(result, concepts, report)
            self.report = pack(self.place("build"), [report])
            self.rules = [(rule.description, rule.verdict, rule.checked, len(rule.failures)) for rule in result.rules]
            current.card.append(Markdown(f"# {concepts.name}: {'valid' if result.ok else 'not valid'}"))
            show_table("Rules", (RULES, self.rules))
            print(
                f"{concepts.name} {concepts.content_hash()[:12]}: {concepts.counts()}; "
                f"{len(result.warned)} warnings; {report}"
            )
            if not result.ok:
                raise UnhypeError(result.first_error_line(path))
        self.next(self.train)

    # A retry loses nothing: pictures and training go on from what lies on the disk.
    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=24)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def train(self):
        """Draw the base's pictures, train the hypernetwork."""
        from unhype.pipeline import job as jobs
        from unhype.pipeline import making
        from unhype.pipeline.carrying import pack
        from unhype.reports.charts import curves

        with plainly():
            job = self._job()
            current.card.append(Markdown(f"# {job.concepts.name} on {job.base.reference}: training"))
            watched(making.train(job, jobs.load_base(job)))
            self.curve, self.code = making.read_curve(job), job.code
            self.guard = pack(job.build, _files(job.guard_folder))
        for lines in _lines(self.curve):
            current.card.append(VegaChart(curves(self.curve, lines)))
        self.numbers = list(range(self.shards))
        self.next(self.look, foreach="numbers")

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=24)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def look(self):
        """A shard of the held-out prompts: draw them with and without the guard, and let the judge look."""
        with plainly():
            self.look_at(self._examination(self._job(), {}))
        self.next(self.evaluate)

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=4)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def evaluate(self, inputs):
        """Join the shards, and score what was seen."""
        from unhype.pipeline.carrying import pack
        from unhype.reports.tables import markdown, protocol_rows

        self.merge_artifacts(inputs, exclude=["seen", "pictures"])
        with plainly():
            self.seen = self.join(inputs)
            job = self._job()
            examination = self._examination(job, self.seen)
            watched(examination.draw())  # nothing is missing now, and manifests list what all shards drew
            self.drawn = [path.relative_to(job.data).as_posix() for path in examination.pictures()]
            self.scores = examination.scores()
            examination.write(self.scores)
            self.guard = pack(job.build, _files(job.guard_folder))
            self._show(job, examination)
        print(markdown(protocol_rows(self.scores)))
        self.next(self.gate)

    @resources(cpu=2, memory=6000, gpu=1)
    @timeout(hours=24)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def gate(self):
        """Let the gates judge the guard, beside the champion on the same prompts and seeds."""
        from unhype.judges.remembering import remembering
        from unhype.pipeline import job as jobs
        from unhype.pipeline.carrying import pack
        from unhype.pipeline.promoting import Promotion

        with plainly():
            job = self._job()
            self._fetch_pictures(job)
            judging = jobs.judging_of(job)
            if judging.judge:
                judging = replace(judging, judge=remembering(judging.judge, dict(self.seen)))
            promotion = Promotion(
                job,
                jobs.load_base(job),
                judging,
                job.guard_folder,
                self.registry(),
                self.registered_name,
                self.params().gates,
                self.removal,
                self.scores.get("attacks", {}),
            )
            watched(promotion.run())
            self.decision = promotion.decision(self._evidence(job))
            self.evidence = pack(job.build, self.decision.files)
        show_decision("Gates", self.decision)
        self.next(self.register)

    @step
    def register(self):
        """Log the run and register the guard: as `challenger` if the gates let it pass, else with the reasons."""
        from unhype.gates.reporting import log_report
        from unhype.pipeline.provenance import made_from
        from unhype.registry.models import version_named
        from unhype.registry.publishing import publish_guard
        from unhype.reports.tables import markdown, protocol_rows, provenance

        with plainly():
            job = self._job()
            self._fetch_pictures(job)
            (report,) = (job.build / name for name in self.report)
            self.version = publish_guard(
                root=self.place("store"),
                name=self.registered_name,
                guard=job.guard_folder,
                scores=self.scores,
                curve=self.curve,
                report=report,
                metaflow_run=f"{current.flow_name}/{current.run_id}",
                description=f"{markdown(protocol_rows(self.scores))}\n\n{provenance(self.scores)}",
                decision=replace(self.decision, files=tuple(job.build / name for name in self.evidence)),
                made=made_from(job, self.scores),
            )
            store = self.registry()
            version = version_named(store, self.version)
            log_report(store, version)
        self.folder = str(job.guard_folder)
        verdict = "passed" if self.decision.passed else "rejected"
        print(f"registered {self.version}: {verdict}, {' '.join(version.aliases) or 'no alias'}")
        for reason in self.decision.reasons:
            print(f"  {reason}")
        self.next(self.end)

    @step
    def end(self):
        """Say where everything is."""
        print(
            f"guard {self.folder}; {self.version}; "
            "look with: python flows/train_flow.py card view evaluate, and: make ui"
        )

    def _job(self):
        """The job of this run's parameters, on the set that was validated, with the files that travelled here."""
        from unhype.pipeline.carrying import unpack
        from unhype.pipeline.job import open_job
        from unhype.terminal import quiet

        quiet()
        self.listed()
        data, build = self.place("data"), self.place("build")
        unpack(getattr(self, "tables", {}), data)  # none yet in `start`, which writes them
        for name in ("report", "guard", "evidence"):
            unpack(getattr(self, name, {}), build)
        job = open_job(self.params(), self.concepts, self.base, data, build, seed=self.seed)
        if code := getattr(self, "code", None):  # of the guard that was trained, whatever was edited since
            job = replace(job, code=code)
        checked = getattr(self, "prompts", None)
        return job.with_prompts(checked) if checked else job

    def _examination(self, job, seen):
        """The guard on the evaluation table, with what its judge saw before."""
        from unhype.judges.remembering import remembering
        from unhype.pipeline import job as jobs
        from unhype.pipeline.examination import Examination

        judging = jobs.judging_of(job)
        judge = remembering(judging.judge, dict(seen)) if judging.judge else None
        return Examination(job, jobs.load_base(job), jobs.guard_of(job), judge, clip=judging.embeddings)

    def _evidence(self, job):
        """Where the gates' verdict goes."""
        return job.build / "gates" / f"{self.registered_name}-{job.guard_folder.name}"

    def _fetch_pictures(self, job):
        """What the shards drew, where it is not here."""
        from unhype.pipeline.carrying import unpack

        if all((job.data / name).exists() for name in self.drawn):
            return
        namespace(None)
        for shard in Step(f"{current.flow_name}/{current.run_id}/look"):
            unpack(shard["pictures"].data, job.data)

    def _show(self, job, examination):
        """The card: what a person looks at first, first."""
        from unhype.errors import UnhypeError
        from unhype.registry.lineage import reached
        from unhype.reports.charts import curves, erasure_against_retention, switch_histogram
        from unhype.reports.tables import headline, protocol_rows, provenance, role_rows, turn_rows

        show, scores = current.card.append, self.scores
        current.card.clear()  # bars have done their work
        show(Markdown(f"# {job.concepts.name} on {job.base.reference}"))
        for title, value, about in headline(scores):
            show(ValueBox(title=title, value=value, subtitle=about))
        show_table("Scores", protocol_rows(scores))
        show_table("By role", role_rows(scores))
        show_table("In turn", turn_rows(scores))
        show(Markdown(provenance(scores)))
        show(Markdown("## Gallery\nThe base above, guarded below, same seeds."))
        for role in scores["roles"]:
            show(Image.from_pil_image(examination.gallery([role]), label=role))
        show(Markdown("## Erasure against retention\nThis run, and the registered versions before it."))
        points = list(_point("this run", scores))
        try:
            points += reached(self.registry(), self.registered_name)
        except UnhypeError as error:  # a card is not worth what was drawn
            show(Markdown(f"The registry can't be asked now: {error}"))
        show(VegaChart(erasure_against_retention(points)))
        show(Markdown("## The switch\nHow strong the LoRA is: 0 for what is not to be forgotten."))
        show(VegaChart(switch_histogram(examination.strengths)))
        show(Markdown("## Training"))
        for lines in _lines(self.curve):
            show(VegaChart(curves(self.curve, lines)))
        show(Markdown(f"## Concept set\nFull report: `{next(iter(self.report))}`"))
        show_table("Rules", (RULES, self.rules))


RULES = ("rule", "verdict", "checked", "failures")


def _files(folder):
    """A guard's files and reports of attacks on it, its card last: where that lies, all is there."""
    there = (path for path in (*folder.iterdir(), *folder.glob("attacks/*.json")) if path.is_file())
    return sorted(there, key=lambda path: path.name == "guard.json")


def _lines(curve):
    """Which lines share a chart: losses, and what strengths and steps were."""
    return (
        {"loss", "task"},
        {line for point in curve for line in point if line.startswith(("strength", "step_", "target_"))},
    )


def _point(name, scores):
    found = scores["protocols"].get("unseen", {})
    if {"Acc_e", "Acc_s"} <= set(found):
        yield {"name": name, "forgotten": 1 - found["Acc_e"], "kept": found["Acc_s"]}


if __name__ == "__main__":
    TrainFlow()
