"""Review the lists that a change touches, as the continuous integration does.

    python -m unhype.review                        the working tree against the last commit (make ci-concepts)
    python -m unhype.review --against main         a branch
    python -m unhype.review --champions            every champion once more, with today's code and fresh pictures
    python -m unhype.review --keep-champions       copy those of a team's server into mlflow.db of the project

It finds the lists, checks all of them before any work, brings their stages up to date, and writes ``comment.md`` with
pictures and reports, whatever happens. The exit code is 0 if all passed, 1 if a gate let a guard not pass, else 2.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.offline import stay_offline
from unhype.terminal import show_anyway
from unhype.threads import wait_wisely

OUT = Path("build/ci")
PASSED, REJECTED = 0, 1


def main() -> int:
    """Review, write the comment, say where it is."""
    show_anyway()
    parser = argparse.ArgumentParser(prog="python -m unhype.review", description="Review the lists of a change.")
    parser.add_argument("--against", default="HEAD", metavar="COMMIT", help="what to compare with (default: HEAD)")
    parser.add_argument(
        "--since", type=Path, metavar="FILE", help="holds the commit that was reviewed last, where there was one"
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="FOLDER", help="for the comment (default: %(default)s)"
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--champions", action="store_true", help="judge every champion again, and change nothing")
    other.add_argument("--keep-champions", action="store_true", help="copy them from MLFLOW_TRACKING_URI to mlflow.db")
    options = parser.parse_args()
    wait_wisely()
    stay_offline(None, Path("params.yaml"))
    # Before transformers and diffusers are imported: later they would not look.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    from unhype.terminal import quiet

    quiet()
    if options.champions:
        return _plainly(lambda: _champions(options.out))
    if options.keep_champions:
        return _plainly(_keep)
    return _review(options.against, options.since, options.out)


def _review(against: str, since: Path | None, out: Path) -> int:
    from unhype.review import git, running
    from unhype.review.comment import Review, comment

    review = Review(link=os.environ.get("UNHYPE_REVIEW_LINK", ""))
    try:
        running.run(review, running.last(since) or against, out)
        if since and not review.stopped():
            write_text(since, f"{git.commit_of('HEAD')}\n")
    except UnhypeError as error:
        review.trouble = str(error)
    except Exception as error:
        review.trouble = f"stopped by an error of the program itself: {type(error).__name__}: {error}; see the log"
        traceback.print_exc()
    text = comment(review)
    write_text(out / "comment.md", text)
    for finding in review.findings:
        if finding.stops:
            print(f"review: {finding.line}", file=sys.stderr)
    if review.trouble:
        print(f"review: {review.trouble}", file=sys.stderr)
    print(f"{text.splitlines()[2].lstrip('# ')}; {out / 'comment.md'}")
    return UnhypeError.exit_code if review.stopped() else REJECTED if review.rejected() else PASSED


def _champions(out: Path) -> int:
    from unhype.review.champions import reevaluate

    text, passed = reevaluate(out)
    write_text(out / "champions.md", text)
    print(text)
    return PASSED if passed else REJECTED


def _keep() -> int:
    from unhype.registry.copying import copy_champions
    from unhype.registry.store import open_store

    source = open_store(Path.cwd(), write=False)
    if source.database:
        raise UnhypeError(f"got {source.place}, wanted MLFLOW_TRACKING_URI of a team's server, to copy champions from")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        os.environ.pop(name, None)
    print("\n".join(copy_champions(source, open_store(Path.cwd()))) or "the champions are those that are here already")
    return PASSED


def _plainly(work: Callable[[], int]) -> int:
    try:
        return work()
    except UnhypeError as error:
        print(f"review: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
