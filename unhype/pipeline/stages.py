"""The stages of ``dvc.yaml`` depend on the files that they run: worked out from the imports, written by nobody's hand.

    python -m unhype.pipeline.stages              write the lists of dvc.yaml anew, and data/lists.yaml (make stages)
    python -m unhype.pipeline.stages --record     also note in dvc.lock that today's files gave the results at hand

The second runs nothing and believes you: it is for moves, rewordings and longer lists, after which every result would
be the same. Whatever else has changed, ``dvc repro`` is the way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unhype.errors import UnhypeError
from unhype.files import whole
from unhype.pipeline import lists
from unhype.pipeline.job import MAKERS
from unhype.pipeline.sources import PACKAGE, files

ROOT = PACKAGE.parent


@dataclass(frozen=True)
class Runs:
    """What a stage's command runs.

    Attributes:
        modules: those that make its results; not those that parse a command line or show a bar.
        aside: modules, or packages, that they import and that have no say in the results.
    """

    modules: tuple[str, ...]
    aside: tuple[str, ...] = ()


MEASURE = (
    "unhype.bases.loading",
    "unhype.miniature.examining",
    "unhype.miniature.measuring",
    "unhype.miniature.modelcard",
    "unhype.miniature.shipping",
)

STAGES: Mapping[str, Runs] = {
    "pretrain": Runs(("unhype.miniature.pretrain", "unhype.miniature.shipping")),
    "measure": Runs(MEASURE),
    "pretrain_flux": Runs(("unhype.miniature.pretrain_flux", "unhype.miniature.shipping_flux")),
    "measure_flux": Runs((*MEASURE, "unhype.miniature.bases")),
    "lists": Runs(("unhype.pipeline.lists",)),
    "curate": Runs(("unhype.concepts.accepting", "unhype.concepts.loading", "unhype.concepts.suite")),
    "prompts": Runs(("unhype.concepts.loading", "unhype.prompts.writing")),
    "erase": Runs(
        (*MAKERS, "unhype.pipeline.job", "unhype.pipeline.examination"), aside=("unhype.registry", "unhype.hyperforget")
    ),
    "hyperforget": Runs(("unhype.pipeline.forgetting",)),
}
"""Stage → what it runs; ``prompts`` stands for ``prompts@celeb100`` and the others like it."""


def sources(stage: str, package: Path = PACKAGE) -> list[str]:
    """The files of ours that a stage depends on, as ``dvc.yaml`` writes them.

    Raises:
        UnhypeError: a stage that is not in ``STAGES``, or a module there that is gone.
    """
    if stage not in STAGES:
        raise UnhypeError(
            f"got the stage {stage!r}, wanted one of {', '.join(STAGES)}: say in unhype/pipeline/stages.py what it runs"
        )
    runs = STAGES[stage]
    return [path.relative_to(package.parent).as_posix() for path in files(runs.modules, package, runs.aside)]


def rewrite(path: Path) -> list[str]:
    """Write the lists of a ``dvc.yaml`` anew, and nothing else of it; returns the stages that were changed.

    A stage's other dependencies, such as data, stay and come first.
    """
    from ruamel.yaml import YAML  # DVC's own: comments stay

    yaml, changed = YAML(), []
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    pipeline = yaml.load(path)
    for name, stage in pipeline["stages"].items():
        deps = (stage["do"] if "foreach" in stage else stage)["deps"]
        wanted = [dep for dep in deps if not dep.startswith(f"{PACKAGE.name}/")] + sources(name)
        if list(deps) != wanted:
            deps[:] = wanted
            changed.append(name)
    if changed:
        with whole(path) as partial:
            yaml.dump(pipeline, partial)
    return changed


def record(root: Path) -> list[str]:
    """Note in ``dvc.lock`` that the results are those of the files as they are; returns the names of the stages.

    Results that do not lie here, such as pictures in somebody else's cache, keep the hash that they have.
    """
    from dvc.repo import Repo

    with Repo(str(root)) as repo, repo.lock:
        stages = list(repo.index.stages)
        for stage in stages:
            # What `dvc commit --force` does, but for a run cache, which asks for every file to be there.
            stage.save(allow_missing=True, run_cache=False)
            stage.commit(allow_missing=True)
            stage.dump(update_pipeline=False)
    return [str(stage.name) for stage in stages]


def main() -> int:
    """Write the lists; say what was done."""
    parser = argparse.ArgumentParser(description="Write the lists of sources in dvc.yaml anew.")
    parser.add_argument(
        "--record", action="store_true", help="also take the results at hand for those of today's files"
    )
    options = parser.parse_args()
    try:
        print(f"{lists.FILE}: {', '.join(lists.write()) or 'nothing'} changed")
        print(f"dvc.yaml: {', '.join(rewrite(ROOT / 'dvc.yaml')) or 'nothing'} changed")
        if options.record:
            print(f"dvc.lock: {', '.join(record(ROOT))} recorded")
    except UnhypeError as error:
        print(f"stages: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
