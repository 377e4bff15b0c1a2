"""``unhype models``: what is registered, how it was judged, where it comes from, who serves.

A version is ``models:/NAME/3``, ``models:/NAME@champion``, or short ``NAME/3``, ``NAME@champion``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.cli.options import new_command
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.registry.models import Version
    from unhype.registry.store import Store

VERSION = "a version: NAME/NUMBER or NAME@ALIAS, with or without models:/ before it"


def add_commands(verbs: Any) -> None:
    """Add ``models`` and what it can do."""
    models = verbs.add_parser(
        "models",
        help="look at registered guards: list, show, compare, lineage; roll back, reconcile",
        description="Look at the guards in the model registry, and put aliases right.",
        epilog="Example: unhype models show unhype-celeb100@champion",
    )
    inner = models.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], None], text: str, example: str) -> argparse.ArgumentParser:
        command = new_command(inner, name, run, text, f"unhype models {example}")
        command.add_argument("--root", type=Path, metavar="FOLDER", help="where mlflow.db is (default: this checkout)")
        return command

    verb("list", _list, "all models, their versions, aliases and verdicts", "list").add_argument(
        "model", nargs="?", help="one model (default: all)"
    )
    verb("show", _show, "one version: its page, as MLflow shows it", "show NAME/3").add_argument(
        "version", help=VERSION
    )
    compare = verb("compare", _compare, "two versions side by side: lists and figures", "compare NAME/3 NAME@champion")
    compare.add_argument("version", help=VERSION)
    compare.add_argument("other", help=VERSION)
    lineage = verb("lineage", _lineage, "where a version comes from, or who forgets a concept", "lineage NAME/3")
    lineage.add_argument("version", nargs="?", help=VERSION)
    lineage.add_argument("--concept", metavar="NAME", help="every version that forgets it, and since when")
    report = verb("report", _report, "write the erasure report of a version: one HTML page", "report NAME/3")
    report.add_argument("version", help=VERSION)
    report.add_argument("--out", type=Path, metavar="FILE", help="where it goes (default: build/reports/NAME-3.html)")
    back = verb("rollback", _rollback, "make the champion before champion again", "rollback NAME")
    back.add_argument("model", help="a model's name")
    back.add_argument("--to", type=int, metavar="NUMBER", help="this version instead")
    verb(
        "reconcile",
        _reconcile,
        "take aliases from versions that did not pass, and restore the last champion",
        "reconcile",
    ).add_argument("model", nargs="?", help="one model (default: all)")


def _list(options: argparse.Namespace) -> None:
    from unhype.registry.gating import GATE
    from unhype.registry.models import versions

    store = _store(options)
    for name in _names(store, options.model):
        print(name)
        for version in versions(store, name):
            marks = " ".join(f"@{alias}" for alias in version.aliases)
            verdict = version.tags.get(GATE, "not judged")
            what = f"{version.tags.get('concept_set', '?')} {version.tags.get('concept_set_hash', '')[:12]}"
            print(f"  {version.number:>3}  {verdict:10}  {what}  {marks}".rstrip())


def _show(options: argparse.Namespace) -> None:
    store = _store(options)
    version = _version(store, options.version)
    print(f"{version.uri}  {' '.join(f'@{alias}' for alias in version.aliases)}".rstrip())
    print(f"\n{store.client.get_model_version(version.name, str(version.number)).description or 'no description'}\n")
    width = max(map(len, version.tags), default=0)
    for key, value in sorted(version.tags.items()):
        first, *others = value.splitlines() or [""]
        print("\n".join([f"  {key:{width}}  {first}", *(f"  {'':{width}}  {line}" for line in others)]))


def _compare(options: argparse.Namespace) -> None:
    from unhype.registry.lineage import card_of, figures_of
    from unhype.reports.tables import UNKNOWN, markdown

    store = _store(options)
    both = [_version(store, options.version), _version(store, options.other)]
    forget = [set(card_of(store, version).get("forget", ())) for version in both]
    for sign, concepts in (("+", forget[0] - forget[1]), ("-", forget[1] - forget[0])):
        for concept in sorted(concepts):
            print(f"{sign} {concept}")
    print(f"forgets {len(forget[0])} and {len(forget[1])}, {len(forget[0] & forget[1])} of them in common\n")
    figures = [figures_of(store, version) for version in both]
    rows = [
        [name, *(f"{found[name]:.4f}" if name in found else UNKNOWN for found in figures)]
        for name in sorted(set().union(*figures))
    ]
    print(markdown((("figure", *(version.uri for version in both)), rows)))
    if figures and both[0].tags.get("gate_champion") == both[1].uri:
        print(f"\nBoth drew the same prompts and seeds when {both[0].uri} was judged: unhype models show tells how.")
    else:
        print(
            "\nWith the same prompts and seeds they are compared by: python flows/promote_flow.py run --model VERSION"
        )


def _lineage(options: argparse.Namespace) -> None:
    from unhype.registry.lineage import forgetting, lineage

    if bool(options.version) == bool(options.concept):
        raise UnhypeError("got both or neither of a version and --concept, wanted one of them")
    store = _store(options)
    if options.version:
        told = lineage(store, _version(store, options.version))
        width = max(map(len, told))
        print("\n".join(f"{key:{width}}  {value}" for key, value in told.items()))
        return
    found = list(forgetting(store, _names(store, None), options.concept))
    for version, since in found:
        marks = " ".join(f"@{alias}" for alias in version.aliases)
        print(f"{since}  {version.uri}  {version.tags.get('gate', 'not judged')}  {marks}".rstrip())
    print(f"{len(found)} versions forget {options.concept}")


def _report(options: argparse.Namespace) -> None:
    from unhype.gates.reporting import write_report

    store = _store(options)
    version = _version(store, options.version)
    out = options.out or Path("build/reports") / f"{version.name}-{version.number}.html"
    about = write_report(store, version, out)
    print(f"{version.uri} forgets {len(about.forgotten)} concepts; its erasure report: {out}")


def _rollback(options: argparse.Namespace) -> None:
    from unhype.registry.champions import rollback

    version = rollback(_store(options, write=True), options.model, options.to)
    print(f"{version.uri} is @champion")


def _reconcile(options: argparse.Namespace) -> None:
    from unhype.registry.champions import reconcile

    store = _store(options, write=True)
    done = [line for name in _names(store, options.model) for line in reconcile(store, name)]
    print("\n".join(done) or "all aliases are on versions that passed their gates")


def _store(options: argparse.Namespace, write: bool = False) -> Store:
    from unhype.registry.store import open_store, project

    return open_store(options.root or project(), write)


def _names(store: Store, name: str | None) -> list[str]:
    from unhype.registry.resolving import registered

    if name is not None:
        return [registered(store, name).name]
    return sorted(model.name for model in store.client.search_registered_models())


def _version(store: Store, text: str) -> Version:
    from unhype.registry.models import version_named

    return version_named(store, text if text.startswith("models:/") else f"models:/{text}")
