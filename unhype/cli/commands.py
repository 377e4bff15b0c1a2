"""The verbs of erasure on the command line: draw under guard, score it on a list of prompts, look at the registry."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.bases.finding import Source
    from unhype.eraser import Eraser
    from unhype.judges.judge import Reader
    from unhype.params import Params

BASES = "a shipped base, sd14, sd15, sd21, sdxl, flux-dev, flux-schnell, a hub id, a folder or a .safetensors file"


def add_commands(verb: Callable[[str, object, str, str], argparse.ArgumentParser]) -> None:
    """Add the verbs; ``verb`` makes a command with the options that all have."""
    prompts = verb("prompts", _prompts, "write the prompt tables of a concept set", "unhype prompts celeb100")
    prompts.add_argument("concepts", metavar="SET", help="a concept set's name, or a path to one")

    generate = verb(
        "generate",
        _generate,
        "draw pictures under guard",
        'unhype generate --model models:/unhype-celeb100@challenger --prompt "a photo of Cher"',
    )
    _which(generate)
    generate.add_argument("--prompt", action="append", required=True, help="what to draw; may be repeated")
    generate.add_argument(
        "--seed", type=int, default=0, help="noise of the first picture; the others count on (default: %(default)s)"
    )
    generate.add_argument(
        "--out",
        type=Path,
        default=Path("build/generated.png"),
        help="the picture, or a grid of several (default: %(default)s)",
    )

    evaluate = verb(
        "evaluate",
        _evaluate,
        "score a guard on a CSV of prompts",
        "unhype evaluate --model build/guards/NAME --prompts prompts.csv --out scores.json",
    )
    _which(evaluate)
    columns = (
        "CSV with a prompt and a seed in each row, as MACE, UCE, ESD, I2P and COCO have them; type and concept optional"
    )
    about = "the concept set that the list is about (default: the guard's own)"
    evaluate.add_argument("--concepts", metavar="SET", help=about)
    evaluate.add_argument("--prompts", type=Path, required=True, metavar="FILE", help=columns)
    evaluate.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="WHAT=NAME",
        help="what a column of the CSV is called: prompt=, seed=, type= or concept=, such as seed=sd_seed",
    )
    evaluate.add_argument(
        "--out", type=Path, default=Path("build/scores.json"), help="where the scores go (default: %(default)s)"
    )

    compare = verb(
        "compare",
        _compare,
        "compare methods on one set: fit, draw, judge, tabulate; resumes",
        "unhype compare --concepts celeb100 --methods all",
    )
    compare.add_argument("--concepts", default="celeb100", metavar="SET", help="a concept set (default: %(default)s)")
    compare.add_argument("--base", default="mini-sd", metavar="BASE", help=f"{BASES} (default: %(default)s)")
    compare.add_argument(
        "--methods",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help="names of methods, or all (default); an unknown name lists them",
    )
    compare.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="of training (default: 0)")
    compare.add_argument(
        "--n", type=int, help="pictures a stratum, at least (default: prompts.per_role of params.yaml)"
    )
    compare.add_argument(
        "--build", type=Path, default=Path("build"), help="folder of everything that is fitted (default: %(default)s)"
    )
    compare.add_argument(
        "--out", type=Path, default=Path("build/comparison"), help="folder of table and pictures (default: %(default)s)"
    )

    ui = verb(
        "ui", _ui, "open MLflow's pages on this machine: runs, pictures, the model registry", "unhype ui --port 5001"
    )
    ui.add_argument("--port", type=int, default=5000, help="port on 127.0.0.1 (default: %(default)s)")
    ui.add_argument("--root", type=Path, default=Path(), help="folder of mlflow.db (default: here)")


def _which(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="URI", help="a guard's folder, models:/NAME/VERSION or models:/NAME@ALIAS")
    command.add_argument(
        "--method",
        choices=("unhype", "none"),
        default="unhype",
        help="none draws with the bare base (default: %(default)s)",
    )
    command.add_argument("--base", metavar="BASE", help=f"{BASES} (default: the guard's own, or mini-sd)")
    command.add_argument(
        "--derived",
        action="store_true",
        help="accept a fine-tuned relative of the guard's base; the difference is told",
    )
    command.add_argument(
        "--share", type=float, default=1.0, help="the dial: 1 forgets wholly, 0 not at all (default: %(default)s)"
    )
    command.add_argument(
        "--only",
        action="append",
        metavar="CONCEPT",
        help="forget only this one of the trained concepts; may be repeated",
    )


def _erasers(options: argparse.Namespace, params: Params) -> tuple[Eraser, Eraser]:
    """The eraser that was asked for, and the bare base on the same pipeline."""
    from unhype.eraser import Nothing
    from unhype.erasing.guard import Guard
    from unhype.erasing.guarded import Guarded
    from unhype.families.loading import load_family
    from unhype.terminal import quiet

    if (options.method == "none") == bool(options.model):
        raise UnhypeError(
            f"got --method {options.method} {'with' if options.model else 'without'} --model, "
            "wanted a guard to draw under or --method none"
        )
    quiet()
    guard = Guard.load(options.model, options.only, options.share) if options.model else None
    source = _source(options, guard.trained.facts if guard else {})
    params = params.suited(source, options.data / "judges")
    family = load_family(source, params.base, guard.trained.facts["site_table"] if guard else None)
    bare = Nothing(family, source.hash, params.sampling)
    return (Guarded(family, guard, params.sampling, options.derived) if guard else bare), bare


def _source(options: argparse.Namespace, facts: Mapping[str, Any]) -> Source:
    """The base that was asked for: by name, else the guard's own, else the one that ships."""
    from unhype.bases.finding import find_base
    from unhype.bases.loading import fetched
    from unhype.miniature.folders import BASE

    return fetched(find_base(options.base or facts.get("base", BASE.name), options.data))


def params_of(options: argparse.Namespace) -> Params:
    """The settings that a command's ``--params`` names."""
    from unhype.params import Params, load_params

    # A missing default file means defaults; a file that somebody named must be there.
    if options.params == Path("params.yaml") and not options.params.exists():
        return Params()
    return load_params(options.params)


def _prompts(options: argparse.Namespace) -> None:
    from unhype.concepts.loading import load_set
    from unhype.prompts.tables import write_tables

    concepts = load_set(options.concepts, options.data / "concepts")
    folder = options.data / "prompts" / concepts.name
    tables = write_tables(concepts, params_of(options).prompts, folder)
    print(f"{', '.join(f'{name} {len(table)}' for name, table in tables.items())} prompts: {folder}")


def _generate(options: argparse.Namespace) -> None:
    from PIL import Image

    from unhype.pictures.gallery import draw_gallery, save_picture
    from unhype.pictures.seeds import check_seed

    check_seed(options.seed, "--seed", len(options.prompt))
    eraser, _ = _erasers(options, params_of(options))
    seeds = [options.seed + i for i in range(len(options.prompt))]
    pictures = [picture for batch in eraser.draw(options.prompt, seeds) for picture in batch]
    single = Image.fromarray(pictures[0]) if len(pictures) == 1 else draw_gallery(pictures, options.prompt)
    save_picture(single, options.out)
    print(f"{len(pictures)} picture{'s' * (len(pictures) > 1)} drawn with {eraser.name}: {options.out}")


def _evaluate(options: argparse.Namespace) -> None:
    from unhype.evaluation.columns import renamed
    from unhype.evaluation.listed import read_prompts, score_list
    from unhype.files import write_text

    columns = renamed(options.columns)
    judge = _judge(options, params_of(options))
    table = read_prompts(options.prompts, judge.vocabulary, judge.people, columns)
    eraser, bare = _erasers(options, params_of(options))
    scores = score_list(table, eraser, judge, options.data / "images", bare)
    write_text(options.out, json.dumps(scores, indent=2) + "\n")
    told: dict[str, float] = {name: scores[name] for name in ("Acc_e", "Acc_s", "H") if name in scores}
    for role in ("named", "listed"):
        for name in ("shown", "face", "drift", "identical"):
            if name in scores["roles"].get(role, {}):
                told[f"{role} {name}"] = scores["roles"][role][name]
    shown = "  ".join(f"{name} {value:.3f}" for name, value in told.items())
    print(f"{scores['method']} on {scores['n']} prompts: {shown}; {options.out}")


def _judge(options: argparse.Namespace, params: Params) -> Reader:
    """Who judges somebody's own list: by the set that is named, or by the guard's own where it ships."""
    from unhype.concepts.loading import available_sets, load_set
    from unhype.erasing.guard import Guard
    from unhype.judges.choosing import choose

    facts = Guard.load(options.model).trained.facts if options.model else {}
    folder = options.data / "concepts"
    name = options.concepts or (facts.get("concepts") if facts.get("concepts") in available_sets(folder) else None)
    concepts = load_set(name, folder) if name else None
    judging = choose(_source(options, facts), concepts, options.data / "judges", params.judges)
    if judging.judge is None:
        raise UnhypeError(judging.missing)
    return judging.judge


def _compare(options: argparse.Namespace) -> None:
    from unhype.comparison.methods import chosen
    from unhype.comparison.reporting import write_report
    from unhype.comparison.running import Comparison
    from unhype.pictures.seeds import check_seed
    from unhype.pipeline import job as jobs
    from unhype.progress import with_progress
    from unhype.terminal import quiet

    if options.n is not None and options.n < 1:
        raise UnhypeError(f"got --n {options.n}, wanted at least 1 picture a stratum")
    for seed in options.seeds:
        check_seed(seed, "--seeds")
    quiet()
    job = jobs.open_job(params_of(options), options.concepts, options.base, options.data, options.build, n=options.n)
    judging = jobs.judging_of(job)
    if judging.judge is None or judging.embeddings is None:
        raise UnhypeError(judging.missing)
    methods = chosen(options.methods, job)
    comparison = Comparison(job, jobs.load_base(job), judging.judge, judging.embeddings, methods, options.seeds)
    for _progress in with_progress(comparison.run()):
        pass
    print(f"{write_report(comparison, options.out)}\n\n{options.out}")


def _ui(options: argparse.Namespace) -> None:
    from unhype.registry.ui import serve

    serve(options.root, options.port)
