"""Review the lists that a change touches, as the continuous integration does.

    python -m unhype.review                        the working tree against the last commit (make ci-concepts)
    python -m unhype.review --against main         a branch
    python -m unhype.review --champions            every champion once more, with today's code and fresh pictures

It finds the lists, checks all of them before any work, brings their stages up to date, and writes ``comment.md`` with
pictures and reports, whatever happens. The exit code is 0 if all passed, 1 if a gate let a guard not pass, else 2.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.review.champions import reevaluate
from unhype.review.comment import Review, comment
from unhype.review.running import run

OUT = Path("build/ci")
PASSED, REJECTED = 0, 1


def main() -> int:
    """Review, write the comment, say where it is."""
    parser = argparse.ArgumentParser(prog="python -m unhype.review", description="Review the lists of a change.")
    parser.add_argument("--against", default="HEAD", metavar="COMMIT", help="what to compare with (default: HEAD)")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="FOLDER", help="for the comment (default: %(default)s)"
    )
    parser.add_argument("--champions", action="store_true", help="judge every champion again, and change nothing")
    options = parser.parse_args()
    if options.champions:
        return _champions(options.out)
    review = Review(link=os.environ.get("UNHYPE_REVIEW_LINK", ""))
    try:
        run(review, options.against, options.out)
    except UnhypeError as error:
        review.trouble = str(error)
    except Exception as error:
        review.trouble = f"stopped by an error of the program itself: {type(error).__name__}: {error}; see the log"
        traceback.print_exc()
    text = comment(review)
    write_text(options.out / "comment.md", text)
    for finding in review.findings:
        if finding.stops:
            print(f"review: {finding.concepts}: {finding.entry} {finding.detail}; {finding.fix}", file=sys.stderr)
    if review.trouble:
        print(f"review: {review.trouble}", file=sys.stderr)
    print(f"{text.splitlines()[2].lstrip('# ')}; {options.out / 'comment.md'}")
    return UnhypeError.exit_code if review.stopped() else REJECTED if review.rejected() else PASSED


def _champions(out: Path) -> int:
    try:
        text, passed = reevaluate(out)
    except UnhypeError as error:
        text, passed = f"## Champions: not judged\n\n{error}\n", False
        print(f"review: {error}", file=sys.stderr)
    write_text(out / "comment.md", text)
    print(text)
    return PASSED if passed else REJECTED


if __name__ == "__main__":
    sys.exit(main())
