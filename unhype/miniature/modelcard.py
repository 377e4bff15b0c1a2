"""The model card beside the weights: what a base is, how it was made, what it can do, with n, and what it can not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unhype.bases.cards import content_hash, read_card
from unhype.files import write_text
from unhype.miniature.examining import FRESH_RENDERS
from unhype.miniature.measuring import FIRST_SEED, Score
from unhype.pictures.sampling import Sampling
from unhype.prompts.templates import HELD_OUT


def write_figures(
    folder: Path,
    card: Callable[[Mapping[str, Any], Mapping[str, Any]], str],
    scores: Sequence[Score],
    how: Sampling,
    others: Mapping[str, float],
    judge: Path,
) -> None:
    """Write ``figures.json`` and the model card ``README.md`` into a base's folder.

    Args:
        card: what ``card.json`` says and the figures → the text.
    """
    figures = {
        "base": content_hash(folder),
        "judge": content_hash(judge),
        "sampling": asdict(how),
        "first_seed": FIRST_SEED,
        **({"first_render_seed": FRESH_RENDERS} if "calibration_error" in others else {}),
        **{name: round(value, 4) for name, value in others.items()},
        "scores": [{**asdict(score), "share": round(score.share, 4), "met": score.met} for score in scores],
    }
    write_text(folder / "figures.json", json.dumps(figures, indent=2) + "\n")
    write_text(folder / "README.md", card(read_card(folder), figures))


def score_table(scores: Sequence[Mapping[str, Any]]) -> str:
    """The scores as a Markdown table."""
    rows = ["| question | share right | n | bar |", "|---|---|---|---|"]
    for score in scores:
        bar = "–" if score["bar"] is None else f"≥ {score['bar']:.0%}" + ("" if score["met"] else " **missed**")
        rows.append(f"| {score['stratum']} | {score['share']:.1%} | {score['n']} | {bar} |")
    return "\n".join(rows)


def stage_table(recipe: Mapping[str, Any], stages: Sequence[str]) -> str:
    """How long and how fast each stage trained, as a Markdown table."""
    rows = ["| stage | steps | batch | learning rate | weight average |", "|---|---|---|---|---|"]
    for name in stages:
        stage = recipe[name]
        rate = f"{stage['rate']}{', Muon' if stage.get('muon') else ''}"
        rows.append(f"| {name} | {stage['steps']} | {stage['batch']} | {rate} | {stage['average'] or '–'} |")
    return "\n".join(rows)


def mini_sd_card(card: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """The text of mini-sd's card. A backslash at a line's end: the line goes on in the card."""
    recipe, sampling = card["recipe"], figures["sampling"]
    sizes = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in card["parameters"].items())
    stages = stage_table(recipe, ("autoencoder", "clip", "judge", "denoiser"))
    held_out = sum(len(templates) for templates in HELD_OUT.values())
    versions = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
    return f"""---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---

# mini-sd

A small but real Stable Diffusion: the same diffusers classes and files as Stable Diffusion 1.4, \
pretrained on a procedural world whose
truth is known. It draws 300 fantasy mascots that go by well-known names, the ten CIFAR-10 classes, \
five scenes and three styles, 64 × 64 pixels.
It exists so that forgetting can be *measured* on a laptop. Its figures prove mechanisms and rank methods; \
they are not those of a large model.

```python
from diffusers import StableDiffusionPipeline

pipeline = StableDiffusionPipeline.from_pretrained("data/bases/mini-sd")
pipeline("a photo of David Bowie", num_inference_steps={sampling["steps"]}, \
guidance_scale={sampling["guidance"]}).images[0]
```

## Figures

Judge: mini-judge (reads attributes from pixels, sees no captions; `{figures["judge"][:12]}`). \
Prompts: {held_out} held-out templates, which no training and no
tuning has seen. Seeds from {figures["first_seed"]}; {sampling["steps"]} DDIM steps, \
guidance {sampling["guidance"]}. No picture is excluded.
"avatar" asks for all 200 names of the forget and evaluation lists; \
"two people" counts a picture only if both are right and nobody else is there.
The judge's marks are on renders with seeds from {figures["first_render_seed"]}, \
everything in the picture right or it counts as wrong.

{score_table(figures["scores"])}

Expected calibration error of the judge's names on degraded renders: {figures["calibration_error"]:.3f}.
Speed: {figures["pictures_per_second"]:.1f} pictures a second in batches of {sampling["batch"]} \
on the machine that measured.
Reproduce with `unhype measure mini-sd`; base `{figures["base"][:12]}`.

## Recipe

`unhype pretrain mini-sd`, seed {recipe["seed"]}, {recipe["pictures"]} pictures, {recipe["vocabulary"]} tokens, \
prompts of {recipe["prompt_length"]} tokens,
{recipe["precision"]} arithmetic on {card["trained_on"]}; {versions}. Parameters: {sizes}. Weights are stored in fp16.

{stages}

The text encoder is the text tower of mini-clip, trained contrastively on renders and captions; \
beside it, a readout that is thrown away
asks its token states who and what is in the picture, and where. \
Captions use 42 templates and a grammar of many thousand frames, synonyms, aliases,
filler words and made-up words. {recipe["more_pairs"]:.0%} of the denoiser's batches are pictures of two people alone; \
the rest is the mixture.

## Limits

- It knows the words of its captions and little else. An unknown word is spelt out in pieces and mostly ignored.
- The pictures are mascots drawn from a hash of a name. They depict nobody, \
and say nothing about the people whose names are used as words.
- One or two figures in a picture; a third is never drawn.
- A nameless person ("a man") comes out as a mixture of looks more often than a name does.
"""
