"""A network as text: what a widget, an address and the command line share.

Layers stand in lines or between commas, each as its name and its settings, which are those of its
record in core.networks.layers in their order, or by their names:

    Channel, Conv2D 64 4 relu padding=same, MaxPooling2D, Flatten, Dense 128 relu
"""

import re
from dataclasses import MISSING, fields

from core.errors import UsageError
from core.fields import check_choice, value_from, value_text
from core.i18n import N_
from core.networks.frozen import Pretrained
from core.networks.layers import LAYERS, Layer, differing
from core.networks.structure import NetworkSpec


def network_from(text: str) -> NetworkSpec:
    """The network that a text says. Raises UsageError for what is not known or not allowed."""
    parts = (part.strip() for part in re.split("[,\n]", text))
    return NetworkSpec(tuple(layer_from_text(part) for part in parts if part))


def network_lines(network: NetworkSpec) -> list[str]:
    """A text for each layer that is trained, which `network_from` reads."""
    return list(map(layer_text, network.behind))


def layer_text(layer: Layer) -> str:
    """A layer as text: by their names only those settings before which one is left out."""
    given = differing(layer)
    parts = [type(layer).__name__]
    in_order = True
    for one in fields(layer):
        in_order = in_order and one.name in given
        if one.name in given:
            value = given[one.name]
            text = value if isinstance(value, str) else value_text(value)
            parts.append(text if in_order else f"{one.name}={text}")
    return " ".join(parts)


def layer_from_text(text: str) -> Layer:
    """The layer of `layer_text`, also where all settings are named, or the name is in lower case.

    Raises UsageError for what is not known or not allowed.
    """
    name, *given = text.split()
    kinds = tuple(kind for kind in LAYERS if kind != Pretrained.__name__)
    known = {kind.lower(): kind for kind in kinds}
    check_choice(N_("layer"), known.get(name.lower(), name), kinds)
    kind = LAYERS[known[name.lower()]]
    names = [one.name for one in fields(kind)]
    arguments = {}
    for place, one in enumerate(given):
        named, _equals, value = one.rpartition("=")
        setting = named or (names[place] if place < len(names) else one)
        if setting not in names:
            raise UsageError(
                N_("{layer} has these settings and not {value}: {known}.")
                if names
                else N_("{layer} has no settings: leave out {value}."),
                layer=kind.__name__,
                value=setting,
                known=", ".join(names),
            )
        arguments[setting] = value_from(value)
    missing = [one.name for one in fields(kind) if one.default is MISSING]
    missing = [one for one in missing if one not in arguments]
    if missing:
        raise UsageError(
            N_("{layer} needs {settings}: write them behind its name."),
            layer=kind.__name__,
            settings=", ".join(missing),
        )
    return kind(**arguments)
