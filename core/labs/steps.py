"""The pages that labs share. A page that only one lab has stands with that lab."""

from core.i18n import N_
from core.labs.contract import Step

OVERVIEW = Step("overview", N_("Overview"), ":material/home:", "pages/shared/overview.py")
DATA = Step("data", N_("Data"), ":material/grid_view:", "pages/shared/data.py")
NETWORK = Step("network", N_("Network"), ":material/hub:", "pages/shared/network.py")
TRAIN = Step("train", N_("Train"), ":material/play_circle:", "pages/shared/train.py")
CHECK = Step("check", N_("Check images"), ":material/pin:", "pages/shared/check.py")
MISTAKES = Step("mistakes", N_("Mistakes"), ":material/error:", "pages/shared/mistakes.py")
DRAW = Step("draw", N_("Draw"), ":material/draw:", "pages/shared/draw.py")
RESULTS = Step("results", N_("Results"), ":material/download:", "pages/shared/results.py")
COMPARE = Step("compare", N_("Compare"), ":material/compare_arrows:", "pages/shared/compare.py")

ONE_RUN = (OVERVIEW, DATA, NETWORK, TRAIN, CHECK, MISTAKES, DRAW, RESULTS)
"""The way of one run, from the choice to the file with its results."""

CLASS = Step("class", N_("Class"), ":material/groups:", "pages/shared/classroom.py")
"""About all labs and all students."""
