"""The frame of every page: title, question, choice, and the next step of the lab."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Literal, ParamSpec

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from core import data as datasets
from core import labs
from core.data import DATASETS, Dataset
from core.errors import LabError
from core.i18n import N_
from core.labs.contract import Step
from core.labs.steps import CLASS
from core.networks import bases
from core.networks.frozen import Base, Pretrained
from core.networks.layers import Channel, Flatten, layer_dict
from core.report import words
from core.specs import NetworkSpec, RunSpec
from core.specs import fields as run_fields
from core.specs.augmentation import NONE
from core.specs.train import SOLVERS
from core.store import Run
from core.studies.experiment import Experiment
from core.training.images import available, used
from pages.ui import choice
from pages.ui.choice import Choice
from pages.ui.text import _, plural

P = ParamSpec("P")

STILL = {"displayModeBar": False}
"""For st.plotly_chart: charts that are read and not edited need no toolbar over them."""


NUMBER = r"[+-]?[\d.,]+(e[+-]?\d+)?%?( ± [\d.,]+)?(/\d+)?"
"""A number as tables say it: with its spread, as a share, or so many of so many."""

PLACES = {
    "LAB_DATA": N_("the folder named by LAB_DATA"),
    "cache": N_("this lab's downloads"),
    "keras": N_("Keras's own cache"),
    "system": N_("a system folder"),
    "sample": N_("the sample that comes with the lab"),
    "built-in": N_("the lab itself"),
}


class PageEnds(Exception):  # not an error
    """The page has said what it can. After st.stop its address could not be written any more."""


def begin(question: str, choice_of: Literal["run", "data"] = "run") -> Choice:
    """Draw the head of the current page; `question` says in one sentence what to find out here.

    Below it stands what the page depends on of the choice: all of it, or the data set. Where the
    images of the choice cannot be had, says why and ends the page.
    """
    head(question)
    current = required_choice()
    st.caption(summary(current) if choice_of == "run" else data_summary(current))
    return current


def head(question: str) -> None:
    """Draw title and question only: the head of a page that needs no choice."""
    st.title(_(st.session_state.step.title), anchor=False)
    st.write(question)


def required_choice() -> Choice:
    """The choice with its images. Where they cannot be had, says why, offers them and ends."""
    try:
        return choice.current()
    except LabError as error:
        show_error(error)
        from pages.ui import download, upload  # which need this module

        wanted = DATASETS[st.session_state.dataset]
        if error.values.get("base") in bases.BASES:
            download.offer_weights(str(error.values["base"]))
        elif wanted.url:
            download.offer(wanted, "page")
        elif not datasets.at_hand(wanted):
            upload.offer(wanted)
        next_step()
        raise PageEnds from error


def data_summary(current: Choice) -> str:
    """The data set of the choice, and how much of it is here."""
    data, train = current.data, len(current.data.whole.x_train)
    said = extent(data)
    if not data.complete and not data.definition.instead(data.origin):
        said = _("not the full set")
        if train < data.definition.images:
            said = _("sample: {n:,} of {total:,} training images")
            said = said.format(n=train, total=data.definition.images)
    text = f"**{data.definition.title}**, {said}"
    if wanted := choice.missing():
        text += " · " + _("{title} is not on this computer").format(title=wanted.title)
    return text


def extent(data: Dataset) -> str:
    """Whether images are all of their data set, or what they are."""
    return _("full set") if data.complete else words.sample(data.definition, data.origin, _)


def summary(current: Choice) -> str:
    """The choice in one line: the images and the settings."""
    settings = brief(current.spec, current.data, current.spec.optimizer.text)
    return f"{data_summary(current)} · **{current.name}**: {settings}"


def brief(spec: RunSpec, data: Dataset, optimizer: str = "") -> str:
    """The settings of a run in one line; of its images and distortions if they are not as usual.

    `optimizer` is what is said of that; nothing where it is not the same for all runs.
    """
    train, images, total = spec.train, spec.data.images, available(data, spec.data)
    settings = [
        layers(spec.network),
        *filter(None, [optimizer]),
        plural("{n} epoch", "{n} epochs", train.epochs).format(n=train.epochs),
        _("batch {n}").format(n=train.batch_size),
        _("validation {share}").format(share=percent(train.validation_split)),
    ]
    if images and images < total:
        text = (
            _("the first {n:,} of {total:,} training images")
            if spec.data.draw is None
            else _("{n:,} of {total:,} training images")
        )
        settings.append(text.format(n=images, total=total))
    settings += words.which_images(spec.data, _, plural)
    if train.augmentation != NONE:
        kind = words.augmentation(train, _)
        settings.append(_("augmentation: {kind}").format(kind=kind))
    if train.schedule:
        settings.append(_("schedule: {name}").format(name=train.schedule.text))
    if train.early_stopping:
        settings.append(_("early stopping: {n}").format(n=train.early_stopping))
    return ", ".join(settings)


def images_used(spec: RunSpec, data: Dataset) -> int:
    """How many training images a run takes of a data set, those for validation included."""
    if spec.data.without:
        return len(used(data, spec.data))
    n = available(data, spec.data)
    return min(n, spec.data.images or n)


def network_settings(spec: RunSpec) -> dict[str, str]:
    """The network of a run, setting by setting."""
    return {
        _("Hidden layers"): hidden(spec.network)
        if spec.network.dense
        else each_layer(spec.network),
        _("Activation"): spec.network.activation if spec.network.hidden else "–",
        _("In the hidden layers"): ", ".join(extras(spec.network)) or _("none"),
    }


def training_settings(spec: RunSpec, data: Dataset) -> dict[str, str]:
    """How a run is trained, setting by setting, but for its optimizer and its seed."""
    train = spec.train
    return {
        _("Training images"): f"{images_used(spec, data):,}",
        _("Test images"): words.split(spec.data, _),
        run_fields.EPOCHS.label(_): f"{train.epochs}",
        run_fields.BATCH_SIZE.label(_): f"{train.batch_size}",
        run_fields.VALIDATION_SPLIT.label(_): percent(train.validation_split),
        _("Augmentation"): words.augmentation(train, _),
        run_fields.SCHEDULE.label(_): train.schedule.text if train.schedule else _("none"),
        run_fields.EARLY_STOPPING.label(_): f"{train.early_stopping}"
        if train.early_stopping
        else _("none"),
        _("Trained by"): _(SOLVERS[train.solver]),
    }


def layers(network: NetworkSpec) -> str:
    """The layers in words: neurons of each hidden layer, and their activation."""
    if not network.dense:
        return hidden(network)
    if not network.hidden:
        return _("no hidden layer")
    return ", ".join([f"{hidden(network)} {network.activation}", *extras(network)])


def extras(network: NetworkSpec) -> list[str]:
    """What is set for the hidden layers of a dense network beside neurons and activation."""
    if not network.dense:
        return []
    return [
        f"{run_fields.OF_LAYERS[name].label(_)} {text}".removesuffix(" True")
        for name, text in network.extras.items()
    ]


def hidden(network: NetworkSpec) -> str:
    """The hidden layers in a table: how large they are or, if not all are Dense, how many."""
    if network.dense:
        return " + ".join(map(str, network.hidden)) or _("none")
    counted = Counter(layer.kind for layer in network.behind if layer.trained)
    return ", ".join([*_frozen(network), *(f"{n} {kind}" for kind, n in counted.items())]) or _(
        "none"
    )


def _frozen(network: NetworkSpec) -> list[str]:
    """What the network begins with and leaves as it is, in words."""
    return [_("{base}, frozen").format(base=base_text(network.base))] if network.base else []


def base_text(base: Base) -> str:
    """What a network begins with, in words."""
    if isinstance(base, Pretrained):
        return base.text
    if base.run == labs.drawing_model():
        return _("drawing model")
    return _("layers of {run}").format(run=base.run)


def each_layer(network: NetworkSpec) -> str:
    """Each layer with its settings, but those that only change the shape of what others make."""
    named = (layer for layer in network.behind if not isinstance(layer, Flatten | Channel))
    texts = (
        " ".join(
            f"{name.upper()} {value}" if name in ("l1", "l2") else str(value)
            for name, value in layer_dict(layer).items()
        )
        for layer in named
    )
    return ", ".join([*_frozen(network), *texts])


def fitting(cells: Iterable[str]) -> ColumnConfig:
    """A column that is wide enough for its longest cell; Streamlit looks at the first ten only."""
    return st.column_config.Column(width=24 + 7 * max(map(len, cells)))


def numbers_right(content: pd.DataFrame) -> dict[str, ColumnConfig]:
    """For st.dataframe: at the right every column whose texts are numbers, or say that none is."""
    right, missing = st.column_config.Column(alignment="right"), {"–", "", _("diverged")}
    texts = {str(name): set(map(str, column)) - missing for name, column in content.items()}
    return {
        name: right
        for name, said in texts.items()
        if said and all(re.fullmatch(NUMBER, text) for text in said)
    }


def extremes(
    lines: Mapping[str, Sequence[float]], height: Literal["content"] | int = "content"
) -> None:
    """A table of the lowest, the highest and the last value of each line of a chart."""
    content = pd.DataFrame(
        {
            _("Line"): list(lines),
            _("Lowest"): [figure(min(values)) for values in lines.values()],
            _("Highest"): [figure(max(values)) for values in lines.values()],
            _("Last"): [figure(values[-1]) for values in lines.values()],
        }
    )
    st.dataframe(
        content,
        hide_index=True,
        column_config=numbers_right(content),
        height=height,
        alt=_("Lowest, highest and last value of each line"),
    )


def short_name(experiment: Experiment) -> str:
    """An experiment as a table names it: its number where its title is made of that."""
    return experiment.name if "{name}" in experiment.title else experiment.label(_)


def percent(share: float) -> str:
    """A share as a percentage: 0.125 is 12.5%."""
    return f"{100 * share:.3g}%"


def tiles(figures: dict[str, str]) -> None:
    """Figures that matter, by their names: side by side, or in pairs on a telephone."""
    with st.container(horizontal=True):
        for name, value in figures.items():
            st.metric(name, value, border=True, width=160)


def result_tiles(run: Run) -> None:
    """The figures of a finished run that matter most."""
    tiles(
        {
            _("Test accuracy"): figure(run.test_accuracy),
            _("Test loss"): figure(run.test_loss),
            **({_("Part from L1 and L2"): figure(run.penalty)} if run.penalty is not None else {}),
            _("Misclassified"): f"{run.misclassified:,}",
            **(
                {_("Own test images"): figure(run.own_test_accuracy)}
                if run.own_test_accuracy is not None
                else {}
            ),
            _("Training time"): _("{n:.1f} s").format(n=run.train_seconds),
        }
    )


def place(data: Dataset) -> str:
    """Where the images were found, in words."""
    made_here = data.definition.instead(data.origin)
    return _(PLACES["built-in" if made_here else data.origin])


def finished_run(current: Choice) -> Run:
    """The run of the choice. If it is not trained yet, says so with a link, and ends the page."""
    run = current.run
    if run is None:
        st.info(
            _("This network is not trained yet. Train it first; then its results appear here."),
            icon=":material/hourglass_empty:",
        )
        link("train", _("Go to Train"))
        raise PageEnds
    return run


def step(name: str) -> Step:
    """A page as the chosen lab calls it, or as another lab does that has it."""
    for one in choice.lab().steps:
        if one.name == name:
            return one
    return (labs.all_steps() | {CLASS.name: CLASS})[name]


def link(name: str, label: str) -> None:
    """A link to a page that keeps the choice, and what the page was told."""
    page = st.session_state.pages[name]
    st.page_link(page, label=label, icon=step(name).icon, query_params=query(name))


def query(name: str) -> dict[str, str]:
    """What the address of a page says now."""
    said: dict[str, str] = st.session_state.address.query(name)
    return said


def next_step() -> None:
    """A link to the next page of the lab, at the end of a page; nothing after the last one."""
    steps = choice.lab().steps
    names = [one.name for one in steps]
    here = st.session_state.step.name
    following = steps[names.index(here) + 1 :] if here in names else steps
    if following:
        with st.container(key="next_step"):  # which look.css makes a button
            link(following[0].name, _("Next: {page}").format(page=_(following[0].title)))


def show_error(error: LabError) -> None:
    """An error as one sentence."""
    st.error(sentence(error), icon=":material/warning:")


def fragment(run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """st.fragment, with an error of the lab as one sentence in its place: app.py sees none of it.

    `run_every` is in seconds.
    """

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def told(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                draw(*args, **kwargs)
            except LabError as error:
                show_error(error)

        return st.fragment(told, run_every=run_every)

    return decorate


def sentence(error: LabError) -> str:
    """An error for st.error and the like, which take Markdown.

    Its values may come from a URL or the disk: they are shortened and carry no Markdown.
    """
    values = {
        name: value if isinstance(value, int | float) else _plain(str(value))
        for name, value in error.values.items()
    }
    return type(error)(error.message, **values).sentence(_)


def _plain(text: str) -> str:
    short = text if len(text) <= 200 else f"{text[:200]}…"
    return re.sub(r"([\\`*_\[\]<>$:!#~|])", r"\\\1", short)


def figure(value: float | None) -> str:
    """A loss or an accuracy with four decimals; what is missing or not a number says so."""
    if value is None:
        return "–"
    return f"{value:.4f}" if math.isfinite(value) else _("diverged")


def provenance(run: Run) -> str:
    """Where the figures of a run come from, in one line."""
    return words.provenance(run, _)
