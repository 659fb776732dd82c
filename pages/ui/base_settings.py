"""What a network of own settings begins with: the widgets of a base, and what they stand for."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from core import labs
from core.data import DATASETS
from core.errors import LabError, StoreError
from core.fields import OneOf, Text, WholeNumber
from core.i18n import N_
from core.networks.bases import BASES
from core.networks.frozen import Base, Pretrained, base_of_run
from core.specs import fields as run_fields
from core.store import Run
from core.store.students import ASKED
from pages.ui import fields, networks, server
from pages.ui.text import _


class BaseField(Text):
    """A base as labs.base takes it: by its name, or by the key of a stored run."""

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: str) -> None:
        with suppress(StoreError):  # which the page says
            if value not in BASES:
                labs.base(value, server.engine().store)


BASE = BaseField("base", N_("pre-trained network"), "drawing")


def values(base: Base) -> dict[str, Any]:
    """What the fields hold for a base, by their names."""
    if isinstance(base, Pretrained):
        return {"base": base.name, "side": base.side, "scaling": base.scaling}
    return {"base": "drawing" if base.run == labs.drawing_model() else base.run}


def draw() -> dict[str, Any]:
    """The widgets; what they hold, by the names of labs.base."""
    names = _names(fields.value(BASE))
    base = fields.select(
        OneOf(BASE.name, BASE.term, BASE.default, names),
        format_func=names.__getitem__,
        help=_(
            "It stays as it is: only the layers behind it are trained. {titles} learned from "
            "photographs, the others from a data set of the lab."
        ).format(titles=", ".join(one.title for one in BASES.values())),
        on_change=_take_default_side,
    )
    if base not in BASES:
        return {"base": base}
    help = _("Height and width, in pixels, that the images are enlarged to.")
    side = fields.number(_side(base), help=help)
    help = _("What is done to the pixel values from 0 to 255 before they go in.")
    return {"base": base, "side": side, "scaling": fields.select(run_fields.SCALING, help=help)}


def read(drawn: Mapping[str, Any]) -> Base:
    """The base that `draw` returned. Raises DataError if its weights are not on this machine."""
    side, scaling = drawn.get("side"), drawn.get("scaling")
    return labs.base(drawn["base"], server.engine().store, side, scaling)


def _names(chosen: str) -> dict[str, str]:
    """What a network can begin with, in words: also the student's own runs with convolutions."""
    names = {name: one.title for name, one in BASES.items()}
    names["drawing"] = _("Drawing model: digits")
    asked = {key for key, step in st.session_state.done if step == ASKED}
    for key in sorted({chosen, *asked} - {*names}):
        with suppress(LabError):
            run = server.find_run(key)
            known = run is not None and run.spec.data.name in DATASETS
            if run and known and (key == chosen or _has_learned(run)):
                names[key] = f"{DATASETS[run.spec.data.name].title}: {networks.name(run)}"
    return names


def _has_learned(run: Run) -> bool:
    """True if a run has learned its convolutions itself. Raises UsageError if it has none."""
    base_of_run(run.spec.network, run.key)
    return not run.spec.network.base and run.key != labs.drawing_model()


def _side(base: str) -> WholeNumber:
    """Its default is that of the pre-trained network."""
    return replace(run_fields.SIDE, default=BASES[base].side)


def _take_default_side() -> None:
    """Without another wish a pre-trained network sees images of its own size."""
    if (base := st.session_state.base) in BASES:
        st.session_state.side = _side(base).default
