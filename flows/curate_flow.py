"""Curate a concept list: validate it by every rule, compare it with its accepted form, and profile it on a base.

    python flows/curate_flow.py run --concepts celeb100
    python flows/curate_flow.py run --concepts lists/team.yaml --base mini-flux
    python flows/curate_flow.py run --concepts celeb100 --accept true      # and accept it, as unhype concepts accept
    python flows/curate_flow.py card view curate

Minutes before hours: whoever edits a list sees here what a training would refuse, what the edit changes, how near what
stays is to what goes, and which prompts will be asked.
"""

from collections import Counter

from beginning import PACKAGE, Flow, plainly, show_table  # before Metaflow: it sets the environment
from metaflow import Parameter, card, current, package_sources, project, resources, step
from metaflow.cards import Markdown


@project(name="unhype")
@package_sources(**PACKAGE)
class CurateFlow(Flow):
    """Concept list → validated, profiled set, with its diff against the last one."""

    concepts = Parameter("concepts", default="celeb100", help="a concept set in data/concepts, or a path to one")
    base = Parameter("base", default="mini-sd", help="whose tokens and likeness profile it; see train_flow.py")
    accept = Parameter("accept", default=False, help="write its accepted form, with which the next edit is compared")
    removal = Parameter("allow-removal", default=False, help="accept a list that forgets less than its accepted form")

    @step
    def start(self):
        """Read the list; a file that is no list ends here."""
        from unhype.concepts.loading import load_set

        with plainly():
            concepts = load_set(self.concepts, self.place("data") / "concepts")
            self.content, self.counts = concepts.content_hash(), concepts.counts()
        print(f"{concepts.name} {self.content[:12]}: {self.counts}")
        self.next(self.curate)

    @resources(cpu=2, memory=6000)
    @card(type="blank")
    @step
    def curate(self):
        """Every rule, the diff, and the profile, on one card; a step that fails keeps no card, so `end` refuses."""
        from unhype.concepts.accepting import accepted_path, read_accepted, removed
        from unhype.concepts.diff import diff_sets
        from unhype.concepts.report import write_report
        from unhype.concepts.suite import validate_set
        from unhype.pipeline import job as jobs

        show = current.card.append
        with plainly():
            concepts, path = self.listed()
            result = validate_set(concepts)  # what needs no base, before one is loaded
            if result.ok:
                job = jobs.open_job(self.params(), self.concepts, self.base, self.place("data"), self.place("build"))
                result = jobs.validate(job, jobs.load_base(job))
            self.report = self.place("build") / "reports" / f"{concepts.name}.html"
            write_report(result, concepts, self.report)
            old = read_accepted(accepted_path(concepts.name, self.place("data") / "concepts"))
            diff = diff_sets(old, concepts) if old else None
            self.diff = list(diff.lines()) if diff is not None else []
            self.gone = list(removed(old, concepts)) if old else []
            show(Markdown(f"# {concepts.name}, {concepts.kind}: {'valid' if result.ok else 'not valid'}"))
            show_table("Entries", (tuple(self.counts), [tuple(self.counts.values())]))
            words = "never accepted before" if old is None else "\n".join(self.diff) or "no change"
            show(Markdown(f"## Against its accepted form\n```\n{words}\n```"))
            if self.gone:
                show(Markdown(f"**No longer forgotten: {', '.join(self.gone)}.** Somebody may rely on it."))
            rules = [(rule.description, rule.verdict, rule.checked, len(rule.failures)) for rule in result.rules]
            show_table("Rules", (("rule", "verdict", "checked", "failures"), rules))
            failures = [
                (rule.rule, failure.entry, failure.detail, failure.fix)
                for rule in result.rules
                for failure in rule.failures
            ]
            show_table("What to look at", (("rule", "entry", "what", "what to do"), failures))
            self.refusal = "" if result.ok else result.first_error_line(path)
            if result.ok:
                self._show_prompts(job)
        self.next(self.end)

    @step
    def end(self):
        """Refuse a list that breaks a rule; accept another, if that is asked; say where everything is."""
        from unhype.concepts.accepting import accept, accepted_path
        from unhype.errors import UnhypeError

        with plainly():
            if self.refusal:
                raise UnhypeError(f"{self.refusal}; all findings: {self.report}")
            concepts, _path = self.listed()
            if self.accept:
                accept(concepts, accepted_path(concepts.name, self.place("data") / "concepts"), self.removal)
                print(f"accepted: {concepts.name} {self.content[:12]}")
        for line in self.diff:
            print(f"  {line}")
        print(f"{self.report}; look with: python flows/curate_flow.py card view curate")

    def _show_prompts(self, job):
        """The prompt tables as they will be read, validated too; nothing is written."""
        tables = {**job.training_tables, "evaluation": job.evaluation_table}
        rows = [
            (
                name,
                len(table),
                len(table["template"].unique()),
                f"{table['seed'].min()}–{table['seed'].max()}",
                "; ".join(table["prompt"].iloc[:2]),
            )
            for name, table in tables.items()
            if len(table)
        ]
        show_table("Prompts", (("table", "prompts", "templates", "seeds", "such as"), rows))
        asked = Counter(tables["evaluation"]["group"])
        show_table("Held-out prompts by role", (("role", "n"), list(asked.items())))


if __name__ == "__main__":
    CurateFlow()
