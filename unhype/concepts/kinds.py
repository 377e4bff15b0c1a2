"""Kinds of concept sets: all in which names, classes, styles and explicit content are treated differently.

A set names its kind in one word. Whoever must decide asks the record: ``KINDS[concepts.kind]``, or ``concepts.sort``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ARTICLES = ("a", "an", "the")


@dataclass(frozen=True)
class Kind:
    """What sort of concepts a set forgets.

    Attributes:
        name: the word for it in a set's file.
        opens: cosine at which its switch is half open.
        sure: cosine from which its switch needs no sentence that bears a phrase out; 0 where no sentence is asked.
        article: a text gets an article in a sentence, unless it has one or is a name, which begins with a capital.
        frame: what stands around a text in a sentence, with one ``{}``, unless the text has an article.
        asked: what stands around it where a CLIP is asked whether a picture shows it.
        names: its texts are proper names. People and painters share first and last names, which a guard must not
            confuse; and a judge must know the names that the evaluation asks for: one it can't tell would count as
            lost.
        company: forgotten ones stand beside others: in training as pairs, in the evaluation as prompts of two.
        faces: Acc_e and Acc_g are shares of pictures with a face; otherwise of all.
        retains: a set must say what stays.
        in_turn: concepts are also examined one by one: one forgotten, the others kept, as the papers do with classes.
        general: H has a third term, 1 − Acc_g: synonyms belong to what is forgotten.
        monitored: a guard also looks at what is being drawn: measured for people alone, docs/experiments/monitor.md.
        bystanders: classes on no list, asked for in the evaluation to see that they stay.
    """

    name: str
    opens: float
    sure: float = 0.0
    article: bool = False
    frame: str = "{}"
    asked: str = "a photo of {}"
    names: bool = False
    company: bool = False
    faces: bool = False
    retains: bool = True
    in_turn: bool = False
    general: bool = False
    monitored: bool = False
    bystanders: tuple[str, ...] = ()

    def spoken(self, text: str) -> str:
        """A text with its article: ``a dog``, ``an airplane``, ``the sky``, ``Cher``."""
        if not self.article or text[0].isupper() or has_article(text):
            return text
        return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"

    def phrase(self, text: str) -> str:
        """How a text stands in a sentence: ``a dog``, ``a picture in the style of Claude Monet``, ``a sketch``."""
        return self.spoken(text) if has_article(text) else self.frame.format(self.spoken(text))

    def label(self, text: str) -> str:
        """The words by which a CLIP looks for a text: ``a photo of the dog``, as MACE does; ``a photo of Cher``."""
        return f"a photo of {text}" if has_article(text) else self.asked.format(text)


def has_article(text: str) -> bool:
    """Whether a text says itself which one is meant: ``a dog``, ``the sky``."""
    return text.split()[0] in ARTICLES


CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""The ten classes of CIFAR-10: what stands on no list of people."""

_STYLE = "a picture in the style of {}"

# Where a switch opens. Names come in thousands and lie near each other; classes are few, and what lies nearest to a
# forgotten one and is not retained is most likely another word for it: docs/experiments. Explicit content is measured
# on no base yet: like things, since a guard that is in doubt should forget. Styles are measured on no base yet either.
# They are painters' names, and open where names do: "Claude Lorrain" must not pass for "Claude Monet". Sentences are
# asked of people alone, with whom it was measured whether they bear a phrase out: docs/experiments/sentences.md.
PEOPLE = Kind("people", opens=0.8, sure=0.975, names=True, company=True, faces=True, monitored=True, bystanders=CLASSES)
THINGS = Kind("things", opens=0.6, article=True, asked="a photo of the {}", in_turn=True, general=True)
STYLES = Kind("styles", opens=0.8, frame=_STYLE, asked=_STYLE, names=True)
EXPLICIT = Kind("explicit", opens=0.6, retains=False)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (PEOPLE, THINGS, STYLES, EXPLICIT)})
"""Name → record, in the order in which people read them."""
