"""Plugins with one mistake each: in which registry, the code, and the words that answer it."""

from __future__ import annotations

TASK = """
from nas_cli.plugins import task
from nas_cli.data import Wanted
from nas_cli.task.classification import Classification
@task("mine")
class Mine(Classification):
    wanted = Wanted("images", "class")
"""
SCORES = """
    def scorer(self, labels): return Scores(labels)
from nas_cli.task.class_scores import ClassScores
class Scores(ClassScores):
"""
STRATEGY = """
from nas_cli.plugins import strategy
@strategy("mine")
class Mine:
    def __init__(self, space, seed): self.space = space
    def tell(self, trial): pass
"""
SCHEDULER = """
from nas_cli.plugins import scheduler
@scheduler("mine")
class Mine:
    def __init__(self, epochs): self.rungs = (epochs,)
    def first_rung(self, number): return 0
    def next(self, history): return None
    def needed(self, history, trials): return []
"""
SOURCE = """
import numpy as np
from nas_cli.plugins import source
from nas_cli.data import Dataset, Examples
images, labels = np.zeros((60, 1, 6, 6), np.uint8), np.arange(60) % 3
"""
AUGMENTATION = """
from nas_cli.plugins import augmentation
@augmentation("mine")
def mine():
"""
BRINGING = """
import torch
from torch import nn
from nas_cli.plugins import op
class Brought(nn.Linear):
    def forward(self, x): return x
    def first_weights(self, generator, assets):
        BODY
@op("mine")
def mine(shape): return Brought(1, 1)
"""
CASES = {
    "a source that gives something else": (
        "source",
        SOURCE + "@source('mine')\ndef mine(): return images, labels",
        ["source 'mine' gave", "a Dataset is wanted"],
    ),
    "a source that fails": (
        "source",
        SOURCE + "@source('mine')\ndef mine(): return labels['x']",
        ["mine.py:7: source 'mine' failed", "IndexError"],
    ),
    "labels of the wrong shape": (
        "source",
        SOURCE + "@source('mine')\ndef mine(): return Dataset(Examples('m', np.eye(60), lambda r: images[r]))",
        ["m has labels (60, 60)", "an array (N,), one each, is wanted"],
    ),
    "images of the wrong shape": (
        "source",
        SOURCE + "@source('mine')\ndef mine(): return Dataset(Examples('m', labels, lambda r: images[r, 0]))",
        ["uint8 (", ", 6, 6) for", "uint8 (n, channels, height, width) is wanted"],
    ),
    "images of floats": (
        "source",
        SOURCE + "@source('mine')\ndef mine(): return Dataset(Examples('m', labels, lambda r: images[r] / 255))",
        ["float64", "uint8 (n, channels, height, width) is wanted"],
    ),
    "too few images": (
        "source",
        SOURCE + "@source('mine')\ndef mine(): return Dataset(Examples('m', labels, lambda r: images[:2]))",
        ["uint8 (2, 1, 6, 6) for", "one each is wanted"],
    ),
    "labels that are nothing": (
        "source",
        SOURCE
        + "@source('mine')\ndef mine(): return Dataset(Examples('m', np.array([None] * 60), lambda r: images[r]))",
        ["gave the label nothing in the train part"],
    ),
    "notes that are one text": (
        "source",
        SOURCE + "@source('mine')\n"
        "def mine(): return Dataset(Examples('m', labels, lambda r: images[r]), notes=lambda: 'abc')",
        ["gave 'abc' for notes, and a list of sentences is wanted"],
    ),
    "a part that fails": (
        "source",
        SOURCE + "@source('mine')\n"
        "def mine(): return Dataset(Examples('m', labels, lambda r: images[r]), validation=lambda: 1 / 0)",
        ["source 'mine' failed in the validation part: ZeroDivisionError"],
    ),
    "a task without a member": (
        "task",
        "from nas_cli.plugins import task\n@task('mine')\nclass Mine:\n    metrics = {'x': 'maximize'}",
        ["plugin mine.py: task 'mine' has no proportions, no wanted"],
    ),
    "a task of unknown inputs": (
        "task",
        TASK.replace('"images"', '"image"'),
        ["learns from or learns 'image'; did you mean 'images'?"],
    ),
    "a head of too few outputs": (
        "task",
        TASK + "    def head(self, shape, facts): return [{'global_pool': 'avg'}, {'linear': 3}]",
        ["task 'mine' has a head of 3 outputs, and the targets have 10 classes"],
    ),
    "a head of no layers": (
        "task",
        TASK + "    def head(self, shape, facts): return [{'liner': 10}]",
        ["task 'mine' gave [{'liner': 10}] for head", "did you mean 'linear'?"],
    ),
    "a metric that is None": (
        "task",
        TASK + SCORES + "    def metrics(self): return {**super().metrics(), 'accuracy': None}",
        ["task 'mine' gave nothing as accuracy in metrics, and a number is wanted"],
    ),
    "a metric that is left out": (
        "task",
        TASK + SCORES + "    def metrics(self): return {'loss': 1.0}",
        ["task 'mine' measures no accuracy"],
    ),
    "a loss that fails": (
        "task",
        TASK + "    def loss(self, outputs, targets, loss_of, scale): return outputs.missing",
        ["mine.py:8: task 'mine' failed", "AttributeError"],
    ),
    "a scorer that is none": (
        "task",
        TASK + "    def scorer(self, labels): return 3",
        ["gave 3 for scorer, and a Scorer, which has add, metrics, report, is wanted"],
    ),
    "blocks that are none": (
        "task",
        TASK + "    def blocks(self, report): return ['a table']",
        ["gave 'a table' for blocks, and a Table, a Matrix or a Curve is wanted"],
    ),
    "a report that is no JSON": (
        "task",
        TASK + SCORES + "    def report(self): return {'metrics': {}, 'x': self}",
        ["for report, which is no JSON data"],
    ),
    "a strategy without ask": ("strategy", STRATEGY, ["strategy 'mine' has no method ask"]),
    "a strategy that asks an unknown path": (
        "strategy",
        STRATEGY + "    def ask(self, number): return {'model[0].conv.chanels': 2}",
        ["gave no point of the space for ask(0): the decision model[0].conv.channels", "is missing"],
    ),
    "a strategy that asks one path too many": (
        "strategy",
        STRATEGY + "    def ask(self, number): return {'model[0].conv.channels': 2, 'model[0].conv.kernel': 3}",
        ["gave a value for model[0].conv.kernel in ask(0)"],
    ),
    "a strategy that gives a value that is not allowed": (
        "strategy",
        STRATEGY + "    def ask(self, number): return {'model[0].conv.channels': 3}",
        ["model[0].conv.channels cannot be 3 in this space"],
    ),
    "a strategy that gives None": (
        "strategy",
        STRATEGY + "    def ask(self, number): pass",
        ["gave nothing for ask(0), and a mapping from the path of each decision to its value is wanted"],
    ),
    "a strategy of the wrong signature": (
        "strategy",
        STRATEGY.replace("space, seed", "space").replace("def __init__(self, space)", "def __init__(self, space)"),
        ["strategy 'mine' takes 1 arguments by place, and nas gives it 2"],
    ),
    "rungs that do not end with a training": (
        "scheduler",
        SCHEDULER.replace("(epochs,)", "(1, 7)"),
        ["scheduler 'mine' has the rungs [1, 7], and epochs that rise to 1, all of them, are wanted"],
    ),
    "a first rung that is none": (
        "scheduler",
        SCHEDULER.replace("return 0", "return 4"),
        ["gave 4 for first_rung(0), and rungs go from 0 to 0"],
    ),
    "a promotion of no trial": (
        "scheduler",
        SCHEDULER.replace("return None", "return (3, 1)"),
        ["promotes trial 3, which is no trial: a paused one is wanted"],
    ),
    "no optimizer": (
        "optimizer",
        "from nas_cli.plugins import optimizer\n@optimizer('mine')\ndef mine(parameters, lr: float = 1.0): return lr",
        ["optimizer 'mine' gave 1.0, and a torch.optim.Optimizer is wanted"],
    ),
    "a rate that is None": (
        "schedule",
        "from nas_cli.plugins import schedule\n@schedule('mine')\ndef mine(): return lambda progress: None",
        ["schedule 'mine' gave nothing at 0 of the training"],
    ),
    "a loss an example": (
        "loss",
        "from nas_cli.plugins import loss\n@loss('mine')\ndef mine(): return lambda o, t: o.sum(1)",
        ["loss 'mine' gave a tensor of 8, and the mean loss of the batch, a scalar tensor, is wanted"],
    ),
    "a loss of nothing": (
        "loss",
        "from nas_cli.plugins import loss\n@loss('mine')\ndef mine(): return lambda o, t: o.detach().mean()",
        ["loss 'mine' gave a loss that does not depend on the outputs"],
    ),
    "a loss that is no function": (
        "loss",
        "from nas_cli.plugins import loss\n@loss('mine')\ndef mine(o, t): return o.mean()",
        ["loss 'mine' needs o and t"],
    ),
    "a number for a loss": (
        "loss",
        "from nas_cli.plugins import loss\nloss('mine')(3)",
        ["loss 'mine' is 3, and a function or a class is wanted"],
    ),
    "an augmentation of another shape": (
        "augment",
        AUGMENTATION + "    return lambda batch, generator: batch.with_(batch.inputs[..., 1:])",
        ["augmentation 'mine' made inputs 8x1x8x7 float32 of 8x1x8x8 float32", "of the same shape"],
    ),
    "an augmentation of wider numbers": (
        "augment",
        AUGMENTATION + "    return lambda batch, generator: batch.with_(batch.inputs.double())",
        ["augmentation 'mine' made inputs 8x1x8x8 float64 of 8x1x8x8 float32", "the same shape and numbers"],
    ),
    "an augmentation of fewer targets": (
        "augment",
        AUGMENTATION + "    return lambda batch, generator: batch.with_(targets=batch.targets[1:])",
        ["augmentation 'mine' made targets 7 int64 of 8 int64", "or the shares of classes, 8x10 floats"],
    ),
    "an augmentation whose targets are a list": (
        "augment",
        AUGMENTATION + "    return lambda batch, generator: batch.with_(targets=[3])",
        ["augmentation 'mine' made targets [3] of 8 int64"],
    ),
    "an augmentation that gives a tensor": (
        "augment",
        AUGMENTATION + "    return lambda batch, generator: batch.inputs",
        ["augmentation 'mine' gave a tensor of 8x1x8x8, and a Batch is wanted: batch.with_(inputs=…, targets=…)"],
    ),
    "an augmentation that gives two tensors": (
        "augment",
        AUGMENTATION + "    return lambda batch, generator: (batch.inputs, batch.targets)",
        ["augmentation 'mine' gave a tuple of 2, and a Batch is wanted"],
    ),
    "an augmentation of four arguments": (
        "augment",
        AUGMENTATION + "    return lambda x, y, classes, generator: (x, y)",
        ["mine' failed on inputs 8x1x8x8: TypeError", "missing 2 required positional arguments"],
    ),
    "an op that gives None": (
        "op",
        "from nas_cli.plugins import op\n@op('mine')\ndef mine(shape): pass",
        ["op 'mine' gave nothing, and a torch.nn.Module is wanted"],
    ),
    "an op that fails": (
        "op",
        "from nas_cli.plugins import op\n@op('mine')\ndef mine(shape):\n    return missing",
        ["mine.py:4: op 'mine' fails: NameError: name 'missing' is not defined"],
    ),
    "an op whose module gives two tensors": (
        "op",
        "from torch import nn\nfrom nas_cli.plugins import op\nclass Two(nn.Module):\n"
        "    def forward(self, x): return x, x\n@op('mine')\ndef mine(shape): return Two()",
        ["op 'mine' gives tuple, and a layer gives one tensor"],
    ),
    "an op that cannot read the weights that it brings": (
        "op",
        BRINGING.replace("BODY", "torch.load('gone.pt')"),
        ["mine.py:8: op 'mine' failed in first_weights: FileNotFoundError", "gone.pt"],
    ),
    "an op whose weights are another network's": (
        "op",
        BRINGING.replace("BODY", "self.load_state_dict({'bias': torch.ones(1)})"),
        ["mine.py:8: op 'mine' failed in first_weights: RuntimeError", "Error(s) in loading state_dict"],
    ),
    "an op that begins with what this data does not bring": (
        "op",
        BRINGING.replace("BODY", "assets['vectors']"),
        ["mine.py:8: op 'mine' failed in first_weights: KeyError", "vectors"],
    ),
    "an op with a default that it does not take": (
        "op",
        "from nas_cli.plugins import op\n@op('mine')\ndef mine(shape, units: int = 'many'): pass",
        ["op 'mine' says that units takes a whole number, and its default is 'many'"],
    ),
    "an annotation that is not defined": (
        "op",
        "from nas_cli.plugins import op\n@op('mine')\ndef mine(shape, units: 'Count' = 3): pass",
        ["op 'mine' has an annotation that is not defined: name 'Count' is not defined"],
    ),
    "a name that is taken by nas": (
        "op",
        "from nas_cli.plugins import op\n@op('conv')\ndef mine(shape): pass",
        ["mine.py:2", "op 'conv' is registered twice: it is taken by nas itself"],
    ),
    "a name that is taken by itself": (
        "op",
        "from nas_cli.plugins import op\n@op('mine')\ndef a(shape): pass\n@op('mine')\ndef b(shape): pass",
        ["mine.py:4", "op 'mine' is registered twice: it is taken by", "mine.py"],
    ),
    "a decorator without a name": (
        "strategy",
        "from nas_cli.plugins import strategy\n@strategy\nclass Mine: pass",
        ["mine.py:2", "a decorator takes the name of the strategy"],
    ),
    "a decorator that is not there": (
        "op",
        "from nas_cli.plugins import layer",
        ["mine.py:1", "ImportError", "layer"],
    ),
    "a file that is no Python": ("op", "def mine(:\n", ["mine.py:1", "SyntaxError"]),
    "a file that ends the process": ("op", "import sys\nsys.exit(3)\n", ["mine.py:2 failed: SystemExit: 3"]),
}
