"""How the modules of a network are written down as Python, for `nas export --format source`."""

from __future__ import annotations

from torch import nn

from nas_cli.model.network import Network
from nas_cli.model.ops import torch_modules
from nas_cli.model.program import Step


def constructor(network: Network, step: Step) -> str:
    """The call that makes the module of an 'op' step; `nn` is `torch.nn`, other names are of `custom_classes`."""
    if torch_modules.is_torch_name(step.op):
        # Not by its repr: torch leaves arguments out there, such as count_include_pad of AvgPool2d.
        arguments = {**torch_modules.fixed_arguments(step.op), **step.args}
        return f"{step.op}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    return _written(network.layers[step.name])


def custom_classes(network: Network) -> list[type[nn.Module]]:
    """The classes of the network's modules that are not torch's own, those inside other modules too."""
    found = dict.fromkeys(type(module) for module in network.layers.modules())
    return sorted((cls for cls in found if not _is_torch(cls)), key=lambda cls: cls.__name__)


def _written(module: nn.Module) -> str:
    if type(module) is nn.Sequential:
        return f"nn.Sequential({', '.join(_written(part) for part in module)})"
    return f"nn.{module!r}" if _is_torch(type(module)) else repr(module)


def _is_torch(cls: type[nn.Module]) -> bool:
    return cls.__module__.split(".")[0] == "torch"
