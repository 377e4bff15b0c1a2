"""mini-flux's model card: what it is, how it was made, what it can do, with n, and what it can not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unhype.miniature.canvas import SIZE
from unhype.miniature.flow import GUIDANCE
from unhype.miniature.flux_workshop import STAGES
from unhype.miniature.modelcard import score_table, stage_table
from unhype.miniature.typed import LENGTHS
from unhype.prompts.templates import HELD_OUT


def mini_flux_card(card: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """The text of the card. A backslash at a line's end: the line goes on in the card."""
    recipe, sampling = card["recipe"], figures["sampling"]
    sizes = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in card["parameters"].items())
    held_out = sum(len(templates) for templates in HELD_OUT.values())
    versions = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
    return f"""---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---

# mini-flux

A small but real Flux: the same diffusers classes and files as FLUX.1-dev, with double and single blocks, \
T5 beside CLIP and guidance in an embedding.
It draws the world of mini-sd (300 fantasy mascots that go by well-known names, the ten CIFAR-10 classes, \
five scenes, three styles), {SIZE} × {SIZE} pixels,
and the same judge reads its pictures: what is measured on one can be compared with the other. \
Its figures prove mechanisms and rank methods; they are not those of a large model.

```python
from diffusers import FluxPipeline

pipeline = FluxPipeline.from_pretrained("data/bases/mini-flux")
size = {{"height": {SIZE}, "width": {SIZE}, "max_sequence_length": {recipe["prompt_length"]}}}
how = {{"num_inference_steps": {sampling["steps"]}, "guidance_scale": {sampling["guidance"]}}}
pipeline("a photo of David Bowie", **size, **how).images[0]
```

Size and length have to be said: diffusers draws every Flux at 512 pixels and pads T5 to 512 tokens otherwise. \
The guidance scale is told to the model and costs nothing; it was trained on {GUIDANCE[0]:g} to {GUIDANCE[1]:g}.

## Figures

Judge: mini-judge (reads attributes from pixels, sees no captions; `{figures["judge"][:12]}`). \
Prompts: {held_out} held-out templates, which no training and no
tuning has seen. Seeds from {figures["first_seed"]}; {sampling["steps"]} Euler steps, \
guidance {sampling["guidance"]}. No picture is excluded.
"avatar" asks for all 200 names of the forget and evaluation lists; \
"two people" counts a picture only if both are right and nobody else is there.

{score_table(figures["scores"])}

Speed: {figures["pictures_per_second"]:.1f} pictures a second in batches of {sampling["batch"]} \
on the machine that measured.
Reproduce with `unhype measure mini-flux`; base `{figures["base"][:12]}`.

## Recipe

`unhype pretrain mini-flux`, seed {recipe["seed"]}, {recipe["pictures"]} pictures, {recipe["vocabulary"]} pieces, \
T5 prompts of {", ".join(map(str, LENGTHS))} tokens,
{recipe["precision"]} arithmetic on {card["trained_on"]}; {versions}. Parameters: {sizes}. Weights are stored in fp16.

{stage_table(recipe, STAGES)}

Autoencoder, CLIP and its tokenizer are mini-sd's, to the bit (`{card["built_on"][:12]}`). \
T5 is trained by a readout that is thrown away: its token states
must tell who and what is in the picture, and where. The flow is learned with a tenth of the captions empty \
and a tenth read by T5 alone;
then two-pass guidance is distilled into the embedding. Both are done twice.
{recipe["more_pairs"]:.0%} of the batches are pictures of two people alone, \
{recipe["more_things"]:.0%} of the second round's those of a thing.

## Limits

- It knows the words of its captions and little else. An unknown word is spelt out in pieces and mostly ignored.
- The pictures are mascots drawn from a hash of a name. They depict nobody, \
and say nothing about the people whose names are used as words.
- One or two figures in a picture; a third is never drawn.
- CLIP reads 48 tokens. T5 reads up to {LENGTHS[-1]} where `max_sequence_length` says so; longer was not trained.
"""
