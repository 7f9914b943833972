// The browser of items as it stands on the page: controls, rows drawn as far as they are seen, one opened item, evidence.

const EXTRA_ROWS = 6; // drawn above and below what is seen
const CHOICES = ["benchmark", "group", "model", "grade", "change", "order"];

class Browser {
  constructor(items) {
    this.items = items;
    this.rows = new Map(); // place in `shown` -> its element
    this.shown = [];
    this.open = -1; // place in `shown` of the opened item
    this.panel = null;
    this.active = 0; // place in `shown` that the arrow keys stand on
    this.window = part("window");
    this.list = part("rows");
    this.layOut();
    this.listen();
    this.filter();
  }

  layOut() {
    const n = this.items.models.length;
    this.window.style.setProperty("--models", n);
    this.window.style.setProperty("--lines", Math.ceil(n / 10)); // of signs, where there is room for no more: on a phone
    this.heads = this.items.models.map((model, place) => {
      const head = made("div", "head", this.symbol(place), told(model.label), made("small", ""));
      head.setAttribute("role", "columnheader");
      part("heads").append(head);
      return head;
    });
    this.resized = new ResizeObserver(() => { this.measure(); this.draw(); });
    this.resized.observe(this.window);
    this.measure();
  }

  symbol(model) { return part("symbols").content.children[model].cloneNode(true); }

  listen() {
    for (const name of CHOICES) part(name).addEventListener("change", () => this.filter());
    part("differ").addEventListener("change", () => this.filter());
    part("query").addEventListener("input", () => this.soon());
    part("clear").addEventListener("click", () => this.clear());
    this.window.addEventListener("scroll", () => this.draw(), { passive: true });
    document.addEventListener("scroll", () => evidence.follow(), { passive: true, capture: true });
    this.list.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("keydown", (event) => this.pressed(event));
    window.addEventListener("hashchange", () => this.follow());
  }

  /** Typing faster than a search takes leaves out the searches in between. */
  soon() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => this.filter());
  }

  wanted() {
    const of = Object.fromEntries(CHOICES.map((name) => [name, part(name).value]));
    return { ...of, model: Number(of.model), query: part("query").value, differ: part("differ").checked };
  }

  clear() {
    for (const name of CHOICES) part(name).value = part(name).querySelector("[data-first]")?.value ?? part(name).options[0].value;
    part("query").value = "";
    part("differ").checked = false;
    this.filter();
  }

  filter() {
    const began = performance.now();
    const kept = this.open >= 0 ? this.shown[this.open] : -1;
    this.shut();
    this.shown = this.items.found(this.wanted());
    this.active = 0;
    this.window.scrollTop = 0;
    this.redraw();
    if (this.shown.includes(kept)) this.show(this.shown.indexOf(kept), false);
    else if (kept >= 0) address("");
    this.total();
    performance.measure("items-filter", { start: began, end: performance.now() });
  }

  total() {
    const n = this.shown.length.toLocaleString("en");
    part("found").textContent = `${n} of ${this.items.n.toLocaleString("en")} items${this.shown.length ? "" : ": nothing passes all filters"}`;
    this.heads.forEach((head, model) => {
      const { right, graded, supported, judged, won, pairs } = this.items.totals(model, this.shown);
      const parts = [graded && `${share(right, graded)} right`, judged && `${share(supported, judged)} of claims true`, pairs && `win rate ${share(won, pairs)}`].filter(Boolean);
      head.querySelector("small").textContent = parts.join(", ") || "–";
    });
    this.window.setAttribute("aria-rowcount", this.shown.length + 1);
  }

  redraw() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.draw(0);
  }

  /** Sizes are read when something changed size, not while drawing: each read after a write would lay out the whole page. */
  measure() {
    this.rowHeight = parseFloat(getComputedStyle(this.list).minHeight);
    this.panelHeight = this.panel ? this.panel.offsetHeight : 0;
    const [height, isSticky] = [part("heads").offsetHeight, getComputedStyle(part("heads")).position === "sticky"];
    [this.room, this.width] = [this.window.clientHeight - (isSticky ? height : 0), this.window.clientWidth];
    this.above = isSticky ? 0 : height; // heads that scroll away stand above the first row
  }

  draw(top = this.window.scrollTop) {
    const height = this.rowHeight;
    const seen = windowOf(this.shown.length, top - this.above, this.room, height, this.open, this.panelHeight, EXTRA_ROWS);
    this.list.style.height = `${topOf(this.shown.length, height, this.open, this.panelHeight)}px`;
    for (const [place, row] of this.rows) if ((place < seen.first || place >= seen.last) && !row.contains(document.activeElement)) this.drop(place);
    for (let place = seen.first; place < seen.last; place++) if (!this.rows.has(place)) this.add(place);
    for (const [place, row] of this.rows) row.style.top = `${topOf(place, height, this.open, this.panelHeight)}px`;
    if (this.panel) {
      this.panel.style.top = `${topOf(this.open, height, -1, 0) + height}px`;
      this.panel.style.left = `${this.window.scrollLeft}px`;
      this.panel.style.width = `${this.width}px`;
    }
  }

  drop(place) {
    this.rows.get(place).remove();
    this.rows.delete(place);
  }

  add(place) {
    const item = this.shown[place];
    const row = made("div", "item", this.asked(item, place), made("div", "gold", told(this.items.items.gold[item])));
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", place + 2);
    row.dataset.place = place;
    this.items.models.forEach((_, model) => row.append(this.cell(model, item)));
    for (const cell of row.children) cell.setAttribute("role", "cell");
    row.classList.toggle("opened", place === this.open);
    this.list.append(row);
    this.rows.set(place, row);
  }

  asked(item, place) {
    const button = made("button", "", told(this.items.items.question[item]));
    button.type = "button";
    button.tabIndex = place === this.active ? 0 : -1;
    button.setAttribute("aria-expanded", place === this.open);
    return made("div", "asked", button);
  }

  cell(model, item) {
    const [grade, sure] = [this.items.grade(model, item), this.items.confidence(model, item)];
    const sign = made("span", `sign ${grade === NOT_ASKED ? "none" : grade}`, SIGNS[grade]);
    sign.title = WORDS[grade];
    const parts = [this.symbol(model), sign, made("span", "spoken", WORDS[grade])];
    if (grade === "c") return made("div", "cell", ...parts, made("span", "tally", this.items.tally(model, item).join("/"), made("span", "said", " true")));
    const said = this.items.text(model, item).slice(0, 200) || (grade === NOT_ASKED ? "not asked" : "(nothing)");
    return made("div", "cell", ...parts, made("span", "said", told(said)), made("small", "", sure < 0 ? "" : sure.toFixed(2)));
  }

  clicked(event) {
    const row = event.target.closest(".item");
    if (row && getSelection().isCollapsed) this.toggle(Number(row.dataset.place));
  }

  toggle(place) {
    if (place === this.open) this.close();
    else this.show(place, true);
  }

  close() {
    this.shut();
    this.draw();
    address("");
  }

  /** Takes the opened item away. */
  shut() {
    const was = this.open;
    evidence.hide();
    this.panel?.remove();
    [this.panel, this.open, this.panelHeight] = [null, -1, 0];
    this.mark(was);
  }

  /** Opens the item at a place, below its row. */
  show(place, isAddressed) {
    const was = this.open;
    this.panel?.remove();
    this.panel = panelOf(this.items, this.shown[place], () => this.close(), (model) => this.symbol(model));
    this.panel.style.width = `${this.width}px`;
    this.list.append(this.panel);
    this.measure();
    this.resized.observe(this.panel);
    this.open = this.active = place;
    this.mark(was);
    this.mark(place);
    this.reveal(place, this.rowHeight + this.panelHeight);
    this.draw();
    if (isAddressed) address(`#item=${encodeURIComponent(this.items.items.id[this.shown[place]])}`);
  }

  mark(place) {
    const row = this.rows.get(place);
    row?.classList.toggle("opened", place === this.open);
    row?.querySelector("button").setAttribute("aria-expanded", place === this.open);
  }

  /** Goes to the item that the address names, whatever the filters say. */
  follow() {
    const named = /^#item=(.+)$/.exec(location.hash);
    if (!named) return;
    const item = this.items.place(decoded(named[1]));
    if (item < 0) {
      part("found").textContent = "The address names an item that is not on this page.";
      return;
    }
    if (!this.shown.includes(item)) this.clear();
    this.go(this.shown.indexOf(item));
    this.show(this.active, false);
    document.getElementById("items").scrollIntoView({ behavior: "instant" });
  }

  /** Puts keyboard focus on a row, scrolled to where it can be seen. */
  go(place) {
    if (!this.shown.length) return;
    this.rows.get(this.active)?.querySelector("button").setAttribute("tabindex", "-1");
    this.active = Math.min(Math.max(place, 0), this.shown.length - 1);
    this.reveal(this.active, this.rowHeight);
    this.draw();
    const button = this.rows.get(this.active).querySelector("button");
    button.tabIndex = 0;
    button.focus({ preventScroll: true });
  }

  /** Scrolls so that a row and what belongs to it can be seen, from its top where there is not room for all. */
  reveal(place, height) {
    this.list.style.height = `${topOf(this.shown.length, this.rowHeight, this.open, this.panelHeight)}px`;
    const top = this.above + topOf(place, this.rowHeight, this.open, this.panelHeight);
    if (top < this.window.scrollTop || height > this.room) this.window.scrollTop = top;
    else if (top + height > this.window.scrollTop + this.room) this.window.scrollTop = top + height - this.room;
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches?.("input, select, textarea");
    if (event.key === "/" && !isTyping) this.seek(event);
    else if (event.key === "Escape") this.escape(event);
    else if (event.target === part("query") && event.key === "ArrowDown") this.moved(event, 0);
    else if (event.target.closest?.(".asked")) this.walk(event);
  }

  seek(event) {
    event.preventDefault();
    part("query").focus();
    part("query").select();
  }

  escape(event) {
    if (evidence.hide()) return;
    if (this.open >= 0) {
      const was = this.open;
      this.close();
      this.go(was);
    } else if (event.target === part("query")) {
      part("query").value = "";
      this.filter();
    }
  }

  walk(event) {
    const page = Math.max(1, Math.floor(this.room / this.rowHeight) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
    if (step) this.moved(event, this.active + step);
    else if (event.key === "Home") this.moved(event, 0);
    else if (event.key === "End") this.moved(event, this.shown.length - 1);
  }

  moved(event, place) {
    event.preventDefault();
    this.go(place);
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text; // a cut address names no item
    throw error;
  }
}

/** Says in the address what is open, without a step back for each item looked at. */
function address(hash) { history.replaceState(null, "", hash || location.pathname + location.search); }
