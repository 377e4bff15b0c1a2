"""When two texts are the same to a reader.

Case, accents, spaces, punctuation, look-alike letters and a leading article are folded away. CLIP's tokeniser
lowercases, and prompts put articles in front of nouns, so ``Dog``, ``a dog`` and ``dоg`` with a Cyrillic о must not end
up on both sides of a list. Folded texts are compared, never shown and never prompted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТУХавеѕіјкмнорстухԁһԛԝӏ", "ABESIJKMHOPCTYXabesijkmhopctyxdhqwl", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεικνορτυχω", "ABEZHIKMNOPTYXabeikvoptuxw", strict=True))
_LATIN = {
    "ı": "i",
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "ħ": "h",
    "ŧ": "t",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ɑ": "a",
    "ɡ": "g",
    "ǀ": "l",
}
_LATIN |= {letter.upper(): latin for letter, latin in _LATIN.items() if letter.upper() != letter and letter != "ı"}
LOOK_ALIKES = str.maketrans(_CYRILLIC | _GREEK | _LATIN)
"""Letters that look Latin → the Latin letter.

Lower-case Cyrillic follows its capital (в → b), so that case still folds; Greek goes by shape alone (Ν → n, ν → v).
"""

# Accents of the scripts above. Vowel signs of other scripts are letters, and stay.
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_APOSTROPHES = re.compile("['’ʼ`´]")
_POSSESSIVE = re.compile(r"(?<=\w)['’ʼ`´]s\b", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:a|an|the) (?=.)")


def tidy(text: str) -> str:
    """The canonical form of a text that stays visible: Unicode NFC, white space one blank wide, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold(text: str) -> str:
    """The text as words of plain letters and digits: ``fold("  Beyoncé-KNOWLES ") == "beyonce knowles"``. Idempotent.

    Compatibility forms (fullwidth, mathematical bold, ligatures) fold by Unicode's NFKD, look-alikes by
    :data:`LOOK_ALIKES`, which goes by shape.
    """
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    plain = _APOSTROPHES.sub("", _bare(_bare(visible).casefold()))
    return " ".join("".join(letter if _is_word(letter) else " " for letter in plain).split())


def key(text: str) -> str:
    """The folded text without a leading article: what two entries of a list are compared by."""
    return _ARTICLE.sub("", fold(text))


def words(text: str) -> tuple[str, ...]:
    """The folded words of a sentence, possessives without their s: ``Elon Musk's dog`` is elon, musk, dog."""
    return tuple(fold(_POSSESSIVE.sub("", text)).split())


def advice(text: str, known: Iterable[str]) -> str:
    """``did you mean …?`` with the known text that is spelt most like this one; empty if none is near."""
    names = {fold(name): name for name in known}
    close = get_close_matches(fold(text), names, n=1, cutoff=0.75)
    return f"did you mean {names[close[0]]}?" if close else ""


def _bare(text: str) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).translate(LOOK_ALIKES)


def _is_word(letter: str) -> bool:
    # Letters, marks that belong to letters, and digits.
    return unicodedata.category(letter)[0] in "LMN"
