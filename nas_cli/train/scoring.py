"""The only evaluation: a network's outputs for a split, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.errors import TrialFailed
from nas_cli.model.network import Network
from nas_cli.model.ops.layout import arrange, lay_out
from nas_cli.task import Scorer, Task
from nas_cli.torch_tuning.memory import keep_memory
from nas_cli.train.feed import Columns, Fed, Tensors, open_feed, split
from nas_cli.train.precision import use_tf32

EVALUATION_BATCH, EVALUATION_VALUES = 128, 512 * 3 * 32 * 32
"""The most examples, and the most input values, of a batch: large images would not fit into memory otherwise, and
larger batches are slower on a CPU, since they do not fit into its caches.
"""


@keep_memory()
def predict_logits(network: Network, columns: Columns) -> Tensor:
    """Outputs for all examples of `columns`, raw inputs by field: float32 on the CPU, such as logits (N, classes).

    The network computes in eval mode; its own mode is restored. Sequences (N, T, L) are zero after their ends, and as
    long as the inputs where no layer has shortened them.
    """
    count = len(next(iter(columns.values())))
    part = Tensors(columns, torch.zeros(count), network.inputs)
    ragged = network.program.axes(network.program.output).ragged
    outputs, order = [], []
    for chosen, output, fed in _answers(network, part):
        outputs.append(_padded(output, _cut(columns, fed)) if ragged else output)
        order.append(chosen)
    longest = max(output.shape[-1] for output in outputs)
    whole = torch.cat([_padded(output, longest - output.shape[-1]) for output in outputs])
    return whole[torch.argsort(torch.cat(order))] if network.ragged else whole


def _cut(columns: Columns, fed: Fed) -> int:
    """The number of time steps by which a batch is shorter than the whole column."""
    return max(columns[field].values.shape[-1] - values.shape[-1] for field, values in fed.fields.items())


def _padded(outputs: Tensor, places: int) -> Tensor:
    return functional.pad(outputs, (0, places)) if places else outputs


@keep_memory()
def score(network: Network, part: Tensors, scorer: Scorer) -> Tensor:
    """Adds the network's outputs for `part`, and the targets, to `scorer`, batch by batch, so that only one batch of
    outputs is in memory. Returns the indices of the examples (N,) in the order in which they were added. Raises
    TrialFailed where an output is not finite.
    """
    order = []
    with closing(_answers(network, part)) as answers:  # otherwise only garbage collection restores the mode
        for chosen, outputs, fed in answers:
            if not bool(torch.isfinite(outputs).all()):
                raise TrialFailed("the network's outputs on the validation data are not finite")
            scorer.add(outputs, fed.targets.cpu())
            order.append(chosen)
    return torch.cat(order)


Answered = tuple[Tensor, Tensor, Fed]
"""The indices of a batch's examples (n,), their outputs on the CPU, and the batch."""


def _answers(network: Network, part: Tensors) -> Generator[Answered, None, None]:
    before = network.training
    device = next(network.parameters()).device
    # On a CPU, images take a third less time with channels last, whichever layout the training used.
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    use_tf32(False)
    lay_out(network.eval(), layout)
    try:
        yield from _predict(network, part, device, layout)
    finally:
        lay_out(network.train(before), torch.contiguous_format)


def _predict(network: Network, part: Tensors, device: torch.device, layout: torch.memory_format) -> Iterator[Answered]:
    feed = open_feed(part, device)
    order = torch.arange(len(part)) if feed.sizes is None else torch.argsort(feed.sizes, stable=True)
    size = evaluation_batch(part)
    for chosen, fed in zip(split(order, size, every=True), feed.batches(order, size, every=True), strict=True):
        with torch.inference_mode():  # left before the yield: it must not be on while the caller's code runs
            entered = network.normalize(fed.fields)
            output = network.body(arranged(entered, layout), fed.lengths)
            outputs = output.values.float().cpu()
        yield chosen, outputs, fed


def arranged(fields: Mapping[str, Tensor], layout: torch.memory_format) -> dict[str, Tensor]:
    return {field: arrange(x, layout) for field, x in fields.items()}


def evaluation_batch(part: Tensors) -> int:
    """The batch size of evaluation. It follows from the shapes alone, so that scores repeat exactly."""
    values = sum(math.prod(column.values.shape[1:]) for column in part.columns.values())
    return max(1, min(EVALUATION_BATCH, EVALUATION_VALUES // max(1, values)))


def evaluate_network(network: Network, part: Tensors, task: Task, labels: Sequence[str] = ()) -> dict[str, float]:
    """The task's metrics on `part`. Raises TrialFailed where an output or a metric is not finite."""
    scorer = task.scorer(labels)
    score(network, part, scorer)
    metrics = scorer.metrics()
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrialFailed(f"the validation {name} is {value}")
    return metrics
