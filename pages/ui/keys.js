// What the browser alone can do: mark the open page for screen readers, present with arrow keys, and
// print what is as wide as the screen on paper.

const LINKS = "[data-testid=stSidebar] a[data-testid=stPageLink-NavLink]";
const LEAVE = ".st-key-leave button";
const BUSY =
  "input, textarea, select, canvas, [role=slider], [role=tab], [role=radio], [role=grid]," +
  " [role=dialog], [role=listbox], [contenteditable=true], [data-testid=stDataFrame]," +
  " .js-plotly-plot";
const OPEN =
  "[data-testid=stPopoverBody], [data-baseweb=popover], [aria-label='Close fullscreen']";
const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
const PAPER = 700; // pixels: what A4 and Letter have room for

const pathOf = (link) => link.getAttribute("href").split("?")[0];

function mark(page) {
  for (const link of document.querySelectorAll(LINKS)) {
    link.ariaCurrent = pathOf(link) === page ? "page" : null;
    // Streamlit may draw a link anew while the keyboard is on it.
    if (pathOf(link) === held && document.activeElement === document.body) link.focus();
  }
}

function press(event) {
  const leave = document.querySelector(LEAVE);
  const other = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.repeat;
  if (!leave || other || event.target.closest?.(BUSY)) return;
  if (event.defaultPrevented || document.querySelector(OPEN)) return; // it closes that
  if (event.key === "Escape") return leave.click();
  const links = [...document.querySelectorAll(LINKS)];
  const here = links.findIndex((link) => link.ariaCurrent);
  if (!(event.key in STEPS) || here < 0) return;
  event.preventDefault();
  links[here + STEPS[event.key]]?.click(); // a link keeps the choice in the address
}

function fitPaper() {
  const app = document.querySelector("[data-testid=stApp]");
  const content = document.querySelector("[data-testid=stMainBlockContainer]");
  const root = document.documentElement;
  root.classList.toggle("dark", getComputedStyle(app).colorScheme === "dark");
  root.style.setProperty("--print-zoom", Math.min(1, PAPER / content.clientWidth));
}

// Who followed a link goes on from the top of the new page, as soon as the link is gone.
function focusMain(link, tries = 100) {
  if (document.activeElement === document.body) {
    document.querySelector("[data-testid=stMain]").focus({ preventScroll: true });
  } else if (document.activeElement === link && tries > 0) {
    setTimeout(focusMain, 100, link, tries - 1);
  }
}

let held; // the link in the sidebar that has the keyboard
let shown;
let ends = new AbortController();

export default function ({ data }) {
  ends.abort(); // Streamlit calls this again whenever something is new
  ends = new AbortController();
  const mine = ends;
  const { signal } = mine;
  const hold = ({ target }) => (held = target.matches(LINKS) ? pathOf(target) : undefined);
  document.addEventListener("focusin", hold, { signal });
  document.addEventListener("pointerdown", () => (held = undefined), { signal });
  document.addEventListener("keydown", press, { signal });
  window.addEventListener("beforeprint", fitPaper, { signal });
  const seen = new MutationObserver(() => mark(data.page));
  const sidebar = document.querySelector("[data-testid=stSidebar]");
  seen.observe(sidebar, { subtree: true, childList: true, attributeFilter: ["class"] });
  signal.addEventListener("abort", () => seen.disconnect());
  mark(data.page);
  const turned = shown !== undefined && data.page !== shown;
  if (turned && !held) focusMain(document.activeElement);
  shown = data.page;
  return () => mine.abort();
}
