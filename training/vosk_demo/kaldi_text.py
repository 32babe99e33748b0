"""Write the trained net as the files that libvosk loads (Kaldi's text format).

Layout of a Vosk model: ``am/final.mdl``, ``conf/mfcc.conf``, ``conf/model.conf``,
``graph/HCLG.fst``, ``graph/words.txt``, ``graph/phones/word_boundary.int``.
Formats: Kaldi ``hmm/transition-model.cc``, ``hmm/hmm-topology.cc``,
``nnet3/nnet-nnet.cc`` and ``nnet3/am-nnet-simple.cc``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .acoustic import CONTEXT, Network
from .features import MFCC_CONF, NUM_CEPS, SUBSAMPLING
from .graph import PhoneIds, word_ids
from .labels import PdfTable
from .lexicon import SILENCE

ACOUSTIC_SCALE = 0.35
"""Weight of the acoustics against the graph; 0.7 did as well on held-out sentences."""

MODEL_CONF = f"""--min-active=200
--max-active=3000
--beam=13.0
--lattice-beam=5.0
--acoustic-scale={ACOUSTIC_SCALE}
--frame-subsampling-factor={SUBSAMPLING}
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""

_BOUNDARY = {"B": "begin", "E": "end", "I": "internal", "S": "singleton"}


def write_model(
    folder: Path, network: Network, table: PdfTable, phone_ids: PhoneIds, words: list[str]
) -> None:
    """Write the whole model except ``graph/HCLG.fst`` to `folder`."""
    for part in ("am", "conf", "graph/phones"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "conf/mfcc.conf").write_text(MFCC_CONF)
    (folder / "conf/model.conf").write_text(MODEL_CONF)
    (folder / "am/final.mdl").write_text(_transitions(table, phone_ids) + _nnet3(network))
    symbols = word_ids(words)
    ends = [f"#0 {len(symbols) + 1}", f"<s> {len(symbols) + 2}", f"</s> {len(symbols) + 3}"]
    lines = ["<eps> 0", *(f"{word} {number}" for word, number in symbols.items()), *ends]
    (folder / "graph/words.txt").write_text("\n".join(lines) + "\n")
    boundaries = [
        f"{number} {'nonword' if name == SILENCE else _BOUNDARY[name[-1]]}\n"
        for name, number in phone_ids.ids.items()
    ]
    (folder / "graph/phones/word_boundary.int").write_text("".join(boundaries))


def _transitions(table: PdfTable, phone_ids: PhoneIds) -> str:
    """Return the transition model: one emitting state per phone, whose first frame has its own class."""
    tuples = []
    for name, number in phone_ids.ids.items():
        phone = name if name == SILENCE else name[:-2]
        tuples.append(f"{number} 0 {table.first(phone)} {table.rest(phone)} \n")
    log_half = f"{-np.log(2):.7f}"
    return (
        "<TransitionModel> \n<Topology> \n<TopologyEntry> \n<ForPhones> \n"
        + " ".join(str(number) for number in phone_ids.ids.values())
        + "\n</ForPhones> \n<State> 0 <ForwardPdfClass> 0 <SelfLoopPdfClass> 1 "
        "<Transition> 0 0.5 <Transition> 1 0.5 </State> \n<State> 1 </State> \n"
        f"</TopologyEntry> \n</Topology> \n<Tuples> {len(tuples)} \n"
        + "".join(tuples)
        + "</Tuples> \n<LogProbs> \n [ 0 "
        + " ".join([log_half] * (2 * len(tuples)))
        + " ]\n</LogProbs> \n</TransitionModel> \n"
    )


def _nnet3(network: Network) -> str:
    """Return the net as an nnet3 graph: affine layers, rectifiers, log-softmax, priors."""
    offsets = ", ".join(
        "input" if offset == 0 else f"Offset(input, {offset})" for offset in range(-CONTEXT, CONTEXT + 1)
    )
    nodes = [f"input-node name=input dim={NUM_CEPS}"]
    components = []
    feed = f"Append({offsets})"
    last = len(network.weights) - 1
    for index, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        nodes.append(f"component-node name=a{index} component=a{index} input={feed}")
        components.append(
            f"<ComponentName> a{index} <FixedAffineComponent> <LinearParams> "
            f"{_matrix(weight)}<BiasParams> {_vector(bias)}</FixedAffineComponent> \n"
        )
        after, kind = ("ls", "LogSoftmax") if index == last else (f"r{index}", "RectifiedLinear")
        nodes.append(f"component-node name={after} component={after} input=a{index}")
        components.append(
            f"<ComponentName> {after} <{kind}Component> <Dim> {len(bias)} "
            "<ValueAvg>  [ ]\n<DerivAvg>  [ ]\n<Count> 0 <OderivRms>  [ ]\n<OderivCount> 0 "
            f"<NumDimsSelfRepaired> 0 <NumDimsProcessed> 0 </{kind}Component> \n"
        )
        feed = after
    nodes.append("output-node name=output input=ls objective=linear")
    return (
        "<Nnet3> \n"
        + "\n".join(nodes)
        + f"\n\n<NumComponents> {len(components)} \n"
        + "".join(components)
        + f"</Nnet3> \n<LeftContext> {CONTEXT} <RightContext> {CONTEXT} "
        f"<Priors> {_vector(network.priors)}"
    )


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)


def _vector(values: np.ndarray) -> str:
    return f" [ {_numbers(values)} ]\n"


def _matrix(values: np.ndarray) -> str:
    return " [\n" + "\n".join(f"  {_numbers(row)}" for row in values) + " ]\n"
