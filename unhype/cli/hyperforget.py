"""``unhype hyperforget``: nets that have forgotten a digit, sampled from losses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unhype.errors import UnhypeError

MADE = "build/hyperforget/two-none-{}-0"
"""What the flow makes for a digit, where nothing else is asked for."""


def add_commands(subparsers: Any) -> None:
    """Add the verb ``hyperforget`` with its own verb."""
    hyperforget = subparsers.add_parser(
        "hyperforget",
        help="sample classifiers that have forgotten a digit (HyperForget, on scikit-learn's digits)",
        description="Sample the weights of a classifier that has forgotten a digit, from the losses it is to have.",
        epilog="Example: unhype hyperforget sample --forget 3 --out net.safetensors",
    )
    verbs = hyperforget.add_subparsers(title="commands", metavar="COMMAND", required=True)
    sample = verbs.add_parser(
        "sample",
        help="write one net; no picture is looked at",
        description="Write one net as nn.Sequential(Linear, ReLU, Linear) names its weights. No picture is looked at.",
        epilog="Example: unhype hyperforget sample --forget 3 --out net.safetensors",
    )
    sample.set_defaults(run=_sample)
    sample.add_argument(
        "--forget",
        type=int,
        action="append",
        required=True,
        metavar="DIGIT",
        help="which; again for more of them, with a model of the signal classes",
    )
    sample.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .safetensors file")
    sample.add_argument(
        "--model",
        metavar="URI",
        help="file or folder of a model, or models:/unhype-hyperforget@challenger "
        f"(default: {MADE.format('DIGIT')}, as python flows/hyperforget_flow.py run --forget DIGIT makes it)",
    )
    sample.add_argument(
        "--loss", type=float, default=16.0, metavar="X", help="on that digit, in nats (default: %(default)s)"
    )
    sample.add_argument(
        "--from", dest="start", type=Path, metavar="FILE", help="a trained net, where the model wants one"
    )
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (default: %(default)s)")


def _sample(options: argparse.Namespace) -> None:
    from unhype.hyperforget.digits import check_digits
    from unhype.hyperforget.model import load_model
    from unhype.pictures.seeds import check_seed
    from unhype.pipeline.forgetting import layers, read_net
    from unhype.registry.hyperforget import model_file
    from unhype.tensors import write_carded

    check_seed(options.seed, "--seed")
    check_digits(*options.forget)
    if options.out.suffix != ".safetensors":
        raise UnhypeError(f"got --out {options.out}, wanted a name that ends in .safetensors")
    if len(set(options.forget)) > 1 and not options.model:
        raise UnhypeError(f"got {len(set(options.forget))} digits to forget, wanted --model of the signal classes too")
    path = model_file(options.model or MADE.format(options.forget[0]))
    if not path.exists() and not options.model:
        raise UnhypeError(
            f"got no {path}: make it, python flows/hyperforget_flow.py run --forget {options.forget[0]}, "
            "or name another with --model"
        )
    model = load_model(path)
    asked = model.ask(options.forget, options.loss)
    starts = read_net(options.start, model.shape)[None] if options.start else None
    net = model.sample(asked[None], [options.seed], starts)[0]
    card = {"what": "a net", "model": model.card["hash"], "asked": asked.tolist(), "seed": options.seed}
    write_carded(options.out, layers(net, model.shape), card)
    digits = ", ".join(map(str, options.forget))
    print(f"{options.out}: asked for the loss {options.loss:g} on {digits}, by {path}")
