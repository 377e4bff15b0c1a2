"""Make a base forget a concept set: validate it, train a guard, score it on pictures, register it.

    python flows/train_flow.py run --concepts celeb100
    python flows/train_flow.py run --concepts objects --seed 1
    python flows/train_flow.py resume                    # after a failure: what is done stays done
    python flows/train_flow.py card view evaluate        # validation, curves, scores, gallery

`unhype concepts list` names the sets, `make ui` opens the registry, where a person promotes a version.
"""

from pathlib import Path

from beginning import ROOT, plainly, show_decision  # before Metaflow: it sets the environment
from metaflow import FlowSpec, Parameter, card, current, resources, retry, step
from metaflow.cards import Image, Markdown, Table, VegaChart


class TrainFlow(FlowSpec):
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
    settings = Parameter("settings", default=str(ROOT / "params.yaml"), help="params.yaml or another file like it")
    data = Parameter(
        "data", default=str(ROOT / "data"), help="folder of bases, judges, concept sets, prompts and images"
    )
    build = Parameter("build", default=str(ROOT / "build"), help="folder of guards, checkpoints and reports")
    store = Parameter("store", default=str(ROOT), help="folder of MLflow's database and artifacts")
    removal = Parameter("allow-removal", default=False, help="let the list forget less than the champion's")
    model = Parameter(
        "model",
        default="",
        help="name in the model registry (default: unhype-<set>, elsewhere than on mini-sd unhype-<set>-<base>)",
    )

    @step
    def start(self):
        """Validate the concept set, its prompts, the seed and the model's name, before any second of a GPU is spent."""
        from unhype.concepts.loading import load_set, set_path
        from unhype.concepts.report import write_report
        from unhype.concepts.suite import validate_set
        from unhype.errors import UnhypeError
        from unhype.names import check_name
        from unhype.pictures.seeds import check_seed
        from unhype.pipeline import job as jobs
        from unhype.pipeline.promoting import check_removal
        from unhype.registry.models import set_of
        from unhype.registry.naming import model_name
        from unhype.registry.store import open_store

        with plainly():
            check_seed(self.seed, "--seed")
            folder = Path(self.data) / "concepts"
            concepts, path = load_set(self.concepts, folder), set_path(self.concepts, folder)
            self.registered_name = self.model or model_name(concepts.name, self.base)
            check_name(self.registered_name, "the model name")
            self.content = concepts.content_hash()  # what every later step must find
            self.report = str(Path(self.build) / "reports" / f"{concepts.name}.html")
            result = validate_set(concepts)
            if result.ok:
                store = open_store(Path(self.store))  # a database that MLflow can't use shows here
                if (own := set_of(store, self.registered_name)) not in ("", concepts.name):
                    print(f"no alias: {self.registered_name} is of the set {own}, not {concepts.name}; see --model")
                if told := check_removal(store, self.registered_name, concepts, self.removal):
                    print(told)
                job = self._job()  # and a base that does not know these concepts
                if missing := jobs.judging_of(job).missing:
                    print(f"unjudged: {missing}")
                self.prompts = jobs.write_prompts(job)  # and rows that must not be trained on
                result = jobs.validate(job, jobs.load_base(job))
            write_report(result, concepts, Path(self.report))
            self.rules = [(rule.description, rule.verdict, rule.checked, len(rule.failures)) for rule in result.rules]
            print(
                f"{concepts.name} {concepts.content_hash()[:12]}: {concepts.counts()}; "
                f"{len(result.warned)} warnings; {self.report}"
            )
            if not result.ok:
                raise UnhypeError(result.first_error_line(path))
        self.next(self.train)

    # A retry loses nothing: pictures and training go on from what lies on the disk.
    @resources(cpu=2, memory=6000, gpu=1)
    @retry(times=1, minutes_between_retries=0)
    @step
    def train(self):
        """Draw the base's pictures, train the hypernetwork."""
        from unhype.pipeline import job as jobs
        from unhype.pipeline import making
        from unhype.progress import with_progress

        with plainly():
            job = self._job()
            for _progress in with_progress(making.train(job, jobs.load_base(job))):
                pass
            self.curve = making.read_curve(job)
            self.guard, self.code = str(job.guard_folder), job.code
        self.next(self.evaluate)

    @resources(cpu=2, memory=6000, gpu=1)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def evaluate(self):
        """Draw held-out prompts with and without the guard, and let the judge look."""
        from dataclasses import replace

        from unhype.pipeline import job as jobs
        from unhype.pipeline.examination import Examination
        from unhype.progress import with_progress
        from unhype.reports.tables import markdown, protocol_rows, provenance, role_rows, turn_rows

        with plainly():
            job = replace(self._job(), code=self.code)  # of the guard that was trained, whatever was edited since
            judging = jobs.judging_of(job)
            guard = jobs.guard_of(job)
            examination = Examination(job, jobs.load_base(job), guard, judging.judge, clip=judging.embeddings)
            for _progress in with_progress(examination.draw()):
                pass
            self.scores = examination.scores()
            examination.write(self.scores)
        print(markdown(protocol_rows(self.scores)))
        show = current.card.append
        show(Markdown(f"# {job.concepts.name} on {job.base.reference}"))
        for title, (header, rows) in (
            ("Scores", protocol_rows(self.scores)),
            ("By role", role_rows(self.scores)),
            ("In turn", turn_rows(self.scores)),
        ):
            if rows:
                show(Markdown(f"## {title}"))
                show(Table(rows, headers=list(header)))
        show(Markdown(provenance(self.scores)))
        show(Markdown("## Gallery\nThe base above, guarded below, same seeds."))
        for role in self.scores["roles"]:
            show(Image.from_pil_image(examination.gallery([role]), label=role))
        show(Markdown("## Training"))
        losses, strengths = (
            {"loss", "task"},
            {line for point in self.curve for line in point if line.startswith(("strength", "step_", "target_"))},
        )
        for lines in (losses, strengths):
            show(VegaChart(_curves(self.curve, lines)))
        show(Markdown(f"## Concept set\nFull report: `{self.report}`"))
        show(
            Table(
                [[str(cell) for cell in row] for row in self.rules], headers=["rule", "verdict", "checked", "failures"]
            )
        )
        self.next(self.gate)

    @resources(cpu=2, memory=6000, gpu=1)
    @retry(times=1, minutes_between_retries=0)
    @card(type="blank")
    @step
    def gate(self):
        """Let the gates judge the guard, beside the champion on the same prompts and seeds."""
        from dataclasses import replace

        from unhype.params import load_params
        from unhype.pipeline import job as jobs
        from unhype.pipeline.promoting import Promotion
        from unhype.progress import with_progress
        from unhype.registry.store import open_store

        with plainly():
            job, gates = replace(self._job(), code=self.code), load_params(Path(self.settings)).gates
            promotion = Promotion(
                job,
                jobs.load_base(job),
                jobs.judging_of(job),
                Path(self.guard),
                open_store(Path(self.store)),
                self.registered_name,
                gates,
                self.removal,
                self.scores.get("attacks", {}),
            )
            for _progress in with_progress(promotion.run()):
                pass
            folder = job.build / "gates" / f"{self.registered_name}-{Path(self.guard).name}"
            self.decision = promotion.decision(folder)
        show_decision("Gates", self.decision)
        self.next(self.register)

    @step
    def register(self):
        """Log the run and register the guard: as `challenger` if the gates let it pass, else with the reasons."""
        from dataclasses import replace

        from unhype.gates.reporting import log_report
        from unhype.pipeline.provenance import made_from
        from unhype.registry.models import version_named
        from unhype.registry.publishing import publish_guard
        from unhype.registry.store import open_store
        from unhype.reports.tables import markdown, protocol_rows, provenance

        with plainly():
            made = made_from(replace(self._job(), code=self.code), Path(self.guard))
            self.version = publish_guard(
                root=Path(self.store),
                name=self.registered_name,
                guard=Path(self.guard),
                scores=self.scores,
                curve=self.curve,
                report=Path(self.report),
                metaflow_run=f"{current.flow_name}/{current.run_id}",
                description=f"{markdown(protocol_rows(self.scores))}\n\n{provenance(self.scores)}",
                decision=self.decision,
                made=made,
            )
            store = open_store(Path(self.store))
            version = version_named(store, self.version)
            log_report(store, version)
        verdict = "passed" if self.decision.passed else "rejected"
        print(f"registered {self.version}: {verdict}, {' '.join(version.aliases) or 'no alias'}")
        for reason in self.decision.reasons:
            print(f"  {reason}")
        self.next(self.end)

    @step
    def end(self):
        """Say where everything is."""
        print(
            f"guard {self.guard}; {self.version}; "
            "look with: python flows/train_flow.py card view evaluate, and: make ui"
        )

    def _concepts(self):
        """The concept set, if it is still the one that was validated."""
        from unhype.concepts.loading import load_set, set_path
        from unhype.errors import UnhypeError

        folder = Path(self.data) / "concepts"
        concepts, path = load_set(self.concepts, folder), set_path(self.concepts, folder)
        if concepts.content_hash() != self.content:
            raise UnhypeError(
                f"got the concept set {path} with the content {concepts.content_hash()[:12]}, "
                f"wanted {self.content[:12]} as this run validated it: put it back, or start a new run"
            )
        return concepts

    def _job(self):
        """The job of this run's parameters, on the set that was validated."""
        from unhype.params import load_params
        from unhype.pipeline.job import open_job
        from unhype.terminal import quiet

        quiet()
        self._concepts()
        params = load_params(Path(self.settings))
        job = open_job(params, self.concepts, self.base, Path(self.data), Path(self.build), seed=self.seed)
        checked = getattr(self, "prompts", None)  # none yet in `start`, which writes them
        return job.with_prompts(checked) if checked else job


def _curves(curve, lines):
    """Some measured lines over steps, as a chart."""
    thinned = curve[:: max(1, len(curve) // 200)]
    points = [
        {"step": point["step"], "value": point[line], "line": line}
        for point in thinned
        for line in sorted(lines & set(point))
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 600,
        "height": 240,
        "data": {"values": points},
        "mark": "line",
        "encoding": {
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "value", "type": "quantitative", "scale": {"type": "symlog"}},
            "color": {"field": "line", "type": "nominal"},
        },
    }


if __name__ == "__main__":
    TrainFlow()
