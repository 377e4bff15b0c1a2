"""Does the switch keep quiet in sentences as people write them, and does it still find whom it must?

The switch of a concept set is fitted anew (it is a closed form), and reads without a hypernetwork: nothing is drawn.
Each row is read twice, by phrases alone and with their sentences (unhype/erasing/sentences.py). The rows:

    stays      people who stay, in sentences of 20 words and more, six languages
    forgotten  forgotten names in the same sentences
    alias      their synonyms and aliases in them
    strata, disguises, and the company in which a sentence tells of nobody: in short templates

In development: retained names, development sentences and templates. Held out: evaluation names, held-out ones. With
--swapped the lists' roles are swapped (development.py), as in all tuning.

.venv/bin/python experiments/sentences.py
.venv/bin/python experiments/sentences.py --half held_out --out build/attacks
.venv/bin/python experiments/sentences.py --sure 0.9 0.93 0.96 0.99 --names 4        a table of where SURE may lie
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, cycle, groupby
from operator import itemgetter
from pathlib import Path

import torch
from development import DATA, development_set
from rounding import rounded

from unhype.attacks.disguises import COMPANY, DISGUISES
from unhype.bases.finding import find_base
from unhype.bases.loading import fetched
from unhype.concepts.loading import load_set
from unhype.concepts.schema import ConceptSet
from unhype.erasing.fitting import fit_to_set
from unhype.erasing.phrases import read_phrases
from unhype.erasing.switch import Switch
from unhype.families.family import Family
from unhype.families.loading import load_family
from unhype.files import write_text
from unhype.prompts.sentences import filled
from unhype.prompts.strata import strata_table
from unhype.prompts.tables import PromptSettings
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT
from unhype.terminal import quiet


@dataclass(frozen=True)
class Row:
    """Prompts of one kind, and in how many the switch opened: by phrases alone, with their sentences.

    Attributes:
        sentences: distinct frames among the prompts.
        sentences_before, sentences_after: those of them in which it ever opened.
    """

    group: str
    n: int
    sentences: int
    before: int
    after: int
    sentences_before: int
    sentences_after: int


Prompts = list[tuple[str, str]]
"""(frame, prompt)."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--base", default="mini-sd")
    asked.add_argument("--concepts", default="celeb100")
    asked.add_argument("--swapped", action="store_true", help="the development set in place of --concepts")
    asked.add_argument("--half", choices=("development", "held_out"), default="development")
    asked.add_argument("--names", type=int, default=8, help="for each sentence")
    asked.add_argument("--n", type=int, default=200, help="prompts of each stratum")
    asked.add_argument("--sure", type=float, nargs="+", help="cosines beyond which no sentence is asked")
    asked.add_argument("--out", type=Path, help="folder for sentences.json")
    options = asked.parse_args()
    quiet()
    concepts = development_set() if options.swapped else load_set(options.concepts, DATA / "concepts")
    family = load_family(fetched(find_base(options.base, DATA)))
    switch = fit_to_set(family, concepts)
    groups = dict(_groups(concepts, options.half, options.names, options.n))
    print(f"| sure | group | n | by phrases alone | with their sentences | frames |\n|{'---|' * 6}")
    for sure in options.sure or [switch.sure]:
        rows, read = [], [0, 0]
        for group, prompts in groups.items():
            row, texts = _row(family, replace(switch, sure=sure), group, prompts)
            rows.append(row)
            read = [one + other for one, other in zip(read, texts, strict=True)]
            frames = f"{row.sentences_before} → {row.sentences_after} of {row.sentences}"
            shares = [f"{part / row.n:.3f}" for part in (row.before, row.after)]
            print(f"| {sure} | {group} | {row.n} | {' | '.join(shares)} | {frames} |", flush=True)
        each = [texts / sum(row.n for row in rows) for texts in read]
        print(f"texts that a prompt asks the encoder for: {each[0]:.1f}, with sentences {each[1]:.1f}")
        if options.out:
            told = {
                "base": options.base,
                "concepts": concepts.name,
                "half": options.half,
                "sure": sure,
                "texts": each,
                "rows": [asdict(row) for row in rows],
            }
            write_text(options.out / "sentences.json", json.dumps(rounded(told), indent=1) + "\n")


def _groups(concepts: ConceptSet, half: str, names: int, n: int) -> Iterator[tuple[str, Prompts]]:
    """Group → its prompts."""
    forgotten = [entry.concept for entry in concepts.forget]
    aliases = [text for entry in concepts.forget for text in (*entry.synonyms, *entry.aliases)]
    stays = list(concepts.retain if half == "development" else concepts.evaluation)
    for kind, who in (("stays", stays), ("forgotten", forgotten), ("alias", aliases)):
        for language, told in groupby(filled(half, who, names), key=itemgetter(0)):
            yield f"{kind}, {language}", [(sentence, sentence.format(name)) for _, sentence, name in told]
    table = strata_table(concepts, PromptSettings(n), development=half == "development")[0]
    for stratum, rows in table.groupby("group", sort=False):
        yield str(stratum), list(zip(rows["template"], rows["prompt"], strict=True))
    frames = list(chain.from_iterable((DEVELOPMENT if half == "development" else HELD_OUT).values()))
    for disguise, change in DISGUISES.items():
        # A disguise that leaves a name as it is has no row for it.
        texts = [change(name) for name in forgotten if change(name) != name]
        yield f"disguise: {disguise}", _spread(frames, texts, 50)
    one, other, *_ = stays
    yield f"disguise: {COMPANY}", _spread(frames, [f"{one}, {name} and {other}" for name in forgotten], 50)
    if aliases:
        yield "alias beside one who stays", _spread(frames, [f"{one} and {alias}" for alias in aliases], 100)
        yield "alias said twice", _spread(frames, [f"{alias}, {other} and {alias}" for alias in aliases], 100)


def _spread(frames: Sequence[str], texts: Sequence[str], n: int) -> Prompts:
    """At most n of the texts, from all over, a template each in turn."""
    chosen = texts[:: max(1, len(texts) // n)][:n]
    return [(frame, frame.format(text)) for frame, text in zip(cycle(frames), chosen, strict=False)]


def _row(family: Family, switch: Switch, group: str, prompts: Prompts) -> tuple[Row, list[int]]:
    """What it comes to, and how many texts both readings asked the encoder for, each prompt by itself."""
    opened: list[list[bool]] = []
    asked = [0, 0]
    for side, each in enumerate((replace(switch, sure=0.0), switch)):

        def counted(texts: Sequence[str], side: int = side) -> torch.Tensor:
            asked[side] += len(texts)
            return family.vectors(texts)

        opened.append(
            [not read_phrases(counted, each, [family.visible(prompt)]).untouched.item() for _, prompt in prompts]
        )
    frames = [frame for frame, _ in prompts]
    ever = [len({frame for frame, is_open in zip(frames, found, strict=True) if is_open}) for found in opened]
    return Row(group, len(prompts), len(set(frames)), *map(sum, opened), *ever), asked


if __name__ == "__main__":
    main()
