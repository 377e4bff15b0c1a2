"""``unhype export``: what a guard emits, as LoRA files for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.cli.options import BASES, MODEL, Verb, add_ungated, params_of, source_of
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.erasing.guard import Guard

ABOUT = (
    "The file is static: while it is loaded it acts on every prompt, "
    "and in both halves of guidance, where a guard acts on the prompts that speak of the concept alone. At guidance 1, "
    "on its own prompt, it draws the guard's picture."
)


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    export = verb(
        "export",
        _export,
        "write the LoRA that a guard emits for a prompt, for other programs",
        'unhype export --model build/guards/NAME --prompt "a photo of Cher" --format kohya --out cher.safetensors',
        ABOUT,
    )
    export.add_argument("--model", metavar="URI", required=True, help=f"the guard: {MODEL}")
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument("--prompt", help="whose LoRA it is")
    what.add_argument("--all", action="store_true", help="one file for each forgotten concept, and an index.json")
    export.add_argument(
        "--format",
        metavar="NAME",
        default="diffusers",
        help="names of the tensors: diffusers, peft or kohya; load_lora_weights takes all, web interfaces take kohya "
        "(default: %(default)s)",
    )
    export.add_argument(
        "--out",
        type=Path,
        help="the .safetensors file, or with --all the folder (default: build/lora.safetensors, build/loras)",
    )
    export.add_argument(
        "--share", type=float, default=1.0, help="the dial: 1 forgets wholly, 0 not at all (default: %(default)s)"
    )
    export.add_argument("--base", metavar="BASE", help=f"{BASES} (default: the guard's own)")
    add_ungated(export)
    export.add_argument("--derived", action="store_true", help="accept a fine-tuned relative of the guard's base")
    export.add_argument(
        "--concepts", metavar="SET", help="with --all: the concept set, which says how concepts stand in a prompt"
    )


def _export(options: argparse.Namespace) -> None:
    from unhype.erasing.exporting import INDEX, concepts_of, export, export_all
    from unhype.erasing.guard import Guard
    from unhype.families.lora_files import check_format
    from unhype.terminal import quiet

    out = options.out or Path("build/loras" if options.all else "build/lora.safetensors")
    if not options.all and out.suffix != ".safetensors":
        raise UnhypeError(f"got --out {out}, wanted a file that ends in .safetensors: that is what loaders look for")
    check_format(options.format)
    quiet()
    guard = Guard.load(options.model, share=options.share, ungated=options.ungated)
    prompts = _prompts(guard, options) if options.all else {}
    facts = guard.trained.facts
    source = source_of(options, facts)
    settings = params_of(options).suited(source, options.data / "judges").base
    family = guard.load_family(source, settings)
    with guard.attached(family.pipeline, options.derived, family):  # refuses another base
        pass
    if not options.all:
        exported = export(guard, family, options.prompt, options.format)
        exported.write(out)
        print(f"LoRA of rank {exported.rank} for {options.prompt!r} with {options.format}'s keys: {out}")
        return
    for _concept in export_all(guard, family, prompts, options.format, out):
        pass
    shut = [concept for concept in concepts_of(guard) if guard.read(family, [prompts[concept]]).untouched.all()]
    told = f"; nothing is emitted for {', '.join(shut)}" if shut else ""
    print(f"{len(prompts) - len(shut)} LoRAs with {options.format}'s keys, listed in {out / INDEX}{told}")


def _prompts(guard: Guard, options: argparse.Namespace) -> dict[str, str]:
    """Concept → how it stands in a prompt, which its kind decides."""
    from unhype.concepts.loading import load_set
    from unhype.erasing.exporting import concepts_of

    name = options.concepts or guard.trained.facts["concepts"]
    kind = load_set(name, options.data / "concepts").sort
    return {concept: kind.phrase(concept) for concept in concepts_of(guard)}
