// The opened item and its evidence. Other people's text enters the page through textContent alone: `append` makes text of it.

const CLASSES = ["true", "false", "unread", "repeated"]; // of the style sheet, one for each verdict

const part = (name) => document.getElementById(`items-${name}`);

/** An element with a class and children; a text among them becomes a text node. */
function made(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Text of a model or benchmark: kept apart from the direction of what stands around it. */
const told = (text) => made("bdi", "", text);
const share = (of, n) => (n ? `${((100 * of) / n).toFixed(1)}%` : "–");

/** The opened item: what was asked and accepted, and each model's answer in full. */
function panelOf(items, item, onClose, symbol) {
  const panel = made("div", "panel-item sample");
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", "The opened item");
  const close = made("button", "close", "✕ close");
  close.type = "button";
  close.addEventListener("click", onClose);
  const link = made("a", "", "link to this item");
  link.href = `#item=${encodeURIComponent(items.items.id[item])}`;
  const gold = items.items.gold[item];
  const about = made("p", "about", ...[items.benchmark(item), items.group(item)].filter(Boolean).flatMap((name) => [told(name), " · "]));
  about.append(made("code", "", items.items.id[item]), " · ", link);
  panel.append(close, made("h3", "", told(items.items.question[item])), about);
  if (gold) panel.append(made("p", "about", "accepted: ", made("b", "", told(gold))));
  const answers = made("dl", "");
  items.models.forEach((_, model) => items.grade(model, item) !== NOT_ASKED && answers.append(answerOf(items, model, item, symbol(model))));
  panel.append(answers);
  return panel;
}

function answerOf(items, model, item, symbol) {
  const [grade, sure] = [items.grade(model, item), items.confidence(model, item)];
  const tally = grade === "c" ? items.tally(model, item) : null;
  const words = tally ? `${tally[0]} of ${tally[1]} true` : `${SIGNS[grade]} ${WORDS[grade]}`;
  const head = made("dt", "", made("span", "key", symbol, told(items.models[model].label)), made("small", "", words + (sure < 0 ? "" : `, confidence ${sure.toFixed(3)}`)));
  const long = items.said[model].long[item];
  const said = made("dd", "", ...(long ? longAnswer(items, long) : [shortAnswer(items.text(model, item), grade)]));
  const note = items.note(model, item);
  if (note) said.append(made("p", "about", told(note)));
  said.append(...items.sets(model, item).map((set) => chosenOf(items, set)));
  said.append(made("code", "", items.said[model].answer[item]));
  return made("div", "", head, said);
}

function shortAnswer(text, grade) {
  const verdict = { r: "true", w: "false" }[grade];
  return verdict ? made("mark", `claim ${verdict}`, told(text || "(nothing)")) : told(text || "(nothing)");
}

/** Answers to choose from: each with the sign of right or wrong and how likely it is, and which was chosen. */
function chosenOf(items, [title, choices]) {
  const list = made("ul", "choices", ...choices.map((choice) => choiceOf(items, choice)));
  return made("div", "", made("p", "about", told(items.strings[title])), list);
}

function choiceOf(items, [text, isRight, isChosen, likely]) {
  const sign = made("span", `sign ${isRight ? "r" : "w"}`, isRight ? SIGNS.r : SIGNS.w);
  sign.setAttribute("aria-hidden", "true");
  const words = made("span", "spoken", isRight ? "[right:] " : "[wrong:] ");
  const chosen = isChosen ? [" ", made("strong", "", "◂ chosen")] : [];
  return made("li", isChosen ? "is-chosen" : "", sign, " ", words, told(items.strings[text] || "(nothing)"), ...chosen, made("small", "", told(likely)));
}

/** The text with its claims marked; claims that have no place in it are listed after it. */
function longAnswer(items, [stretches, claims]) {
  const placed = new Set();
  const parts = stretches.map(([text, ...places]) => {
    places.forEach((place) => placed.add(place));
    return places.length ? marked(items, text, places.map((place) => claims[place])) : told(text);
  });
  const loose = claims.filter((_, place) => !placed.has(place));
  if (!loose.length) return parts;
  return [...parts, made("span", "loose", "Claims without a place in the text: ", ...loose.map((claim) => marked(items, claim[0], [claim])))];
}

/** A stretch that claims cover: a sign and an underline for the verdict beside the colour; evidence on hover, focus or tap. */
function marked(items, text, claims) {
  const counts = VERDICTS.map((_, verdict) => claims.filter((claim) => claim[1] === verdict).length);
  const verdict = [1, 0, 2, 3].find((own) => counts[own]); // one false claim makes the stretch false
  const signs = claims.length === 1 ? VERDICT_SIGNS[verdict] : VERDICT_SIGNS.map((sign, own) => (counts[own] ? `${sign}${counts[own]}` : "")).join(" ").trim();
  const icon = made("span", "icon", signs);
  icon.setAttribute("aria-hidden", "true");
  const mark = made("mark", `claim ${CLASSES[verdict]}`, icon, made("span", "spoken", `[${VERDICTS[verdict]}:] `), told(text));
  mark.tabIndex = 0;
  mark.setAttribute("aria-describedby", "items-evidence");
  const lines = () => claims.map((claim) => evidenceOf(items, claim));
  for (const event of ["mouseenter", "focus", "click"]) mark.addEventListener(event, () => evidence.show(mark, lines()));
  for (const event of ["mouseleave", "blur"]) mark.addEventListener(event, () => evidence.hide());
  return mark;
}

function evidenceOf(items, [text, verdict, source, reason, sure]) {
  const line = made("p", "", made("b", "", `${VERDICT_SIGNS[verdict]} ${VERDICTS[verdict]}`), " ", told(text));
  const details = [items.strings[reason], items.strings[source] || "no evidence is recorded", sure < 0 ? "" : `confidence ${(sure / 1000).toFixed(2)}`];
  for (const detail of details.filter(Boolean)) line.append(made("br", ""), made("small", "", told(detail)));
  return line;
}

/** The one box that shows evidence, near what it is about and inside the window. */
const evidence = {
  mark: null,

  show(mark, lines) {
    this.mark = mark;
    part("evidence").replaceChildren(...lines);
    part("evidence").hidden = false;
    this.follow();
  },

  /** Goes where its mark went; what has left the window has no evidence shown. */
  follow() {
    if (!this.mark) return;
    const [box, around, whole] = [part("evidence"), this.mark.getClientRects()[0], this.mark.getBoundingClientRect()];
    if (!around || whole.bottom < 0 || whole.top > innerHeight) {
      this.hide();
      return;
    }
    const own = box.getBoundingClientRect();
    const [above, below] = [around.top - own.height - 6, whole.bottom + 6];
    box.style.top = `${below + own.height > innerHeight && above > 0 ? above : below}px`;
    box.style.left = `${Math.max(8, Math.min(around.left, innerWidth - own.width - 8))}px`;
  },

  /** Whether there was something to hide. */
  hide() {
    const was = this.mark !== null;
    this.mark = null;
    part("evidence").hidden = true;
    return was;
  },
};
