"use strict";
// What is known of the items without a page: the packed columns read back, search, filters, order, the window of rows to draw.
// Nothing here touches the document; packed.py writes what is read here.

const NOT_ASKED = "-";
const SIGNS = { r: "✓", w: "✗", a: "∅", u: "?", c: "≡", p: "▲", t: "=", n: "▽", "-": "·" };
const WORDS = {
  r: "right", w: "wrong", a: "abstained", u: "not judged", c: "judged claim by claim", p: "preferred", t: "tied", n: "not preferred", "-": "not asked",
};
const VERDICTS = ["supported", "unsupported", "unscored", "irrelevant"];
const VERDICT_SIGNS = ["✓", "✗", "?", "↺"];

/** Base64 of gzipped JSON -> the columns. Rejects what is damaged. */
async function unpacked(base64) {
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(base64) : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** Lower case, and without accents, so that `jose` finds `José`. */
function folded(text) {
  const lower = text.toLowerCase();
  return /^[\x00-\x7f]*$/.test(lower) ? lower : lower.normalize("NFD").replace(/\p{M}/gu, "");
}

/** Words to find, all of them; "words in quotes" are one. */
function termsOf(query) {
  return [...folded(query).matchAll(/"([^"]+)"?|(\S+)/g)].map((found) => found[1] ?? found[2]).filter((term) => term !== '"');
}

class Items {
  constructor(columns) {
    this.models = columns.models;
    this.items = columns.items;
    this.said = columns.said;
    this.strings = columns.strings;
    this.n = columns.items.id.length;
    this.texts = null;
    this.places = null;
  }

  place(id) {
    this.places ??= new Map(this.items.id.map((own, place) => [own, place]));
    return this.places.get(id) ?? -1;
  }

  group(item) { return this.strings[this.items.group[item]]; }
  benchmark(item) { return this.strings[this.items.benchmark[item]]; }
  grade(model, item) { return this.said[model].grade[item]; }
  confidence(model, item) { return this.said[model].confidence[item] / 1000; }

  text(model, item) {
    const long = this.said[model].long[item];
    return long ? long[0].map((part) => part[0]).join("") : this.said[model].text[item];
  }

  /** The answers that were to choose from: sets of [title, [[text, is right, is chosen, how likely], ...]], texts by their places. */
  sets(model, item) { return this.said[model].sets[item] ?? []; }

  /** [true claims, judged claims] of a long answer. */
  tally(model, item) {
    const claims = this.said[model].long[item]?.[1] ?? [];
    const supported = claims.filter((claim) => claim[1] === 0).length;
    return [supported, supported + claims.filter((claim) => claim[1] === 1).length];
  }

  note(model, item) { return this.strings[this.said[model].notes[item]] ?? ""; }

  /** How good an answer is, 0 to 1: right 1, wrong and abstained 0, of claims the share supported, tied 0.5; null where nobody judged. */
  score(model, item) {
    const grade = this.grade(model, item);
    if (grade === "c") {
      const [supported, judged] = this.tally(model, item);
      return judged ? supported / judged : null;
    }
    return { r: 1, w: 0, a: 0, p: 1, t: 0.5, n: 0 }[grade] ?? null;
  }

  /** Everything that search looks through, made at the first search. */
  searched(item) {
    this.texts ??= new Array(this.n);
    return (this.texts[item] ??= folded(
      [this.items.id[item], this.items.question[item], this.items.gold[item], ...this.models.map((_, model) => this.text(model, item)), ...this.toChoose(item)].join("\n"),
    ));
  }

  /** Every text that an item offers to choose from. */
  toChoose(item) {
    const places = this.models.flatMap((_, model) => this.sets(model, item).flatMap(([, choices]) => choices.map(([text]) => text)));
    return [...new Set(places)].map((place) => this.strings[place]);
  }

  differ(item) {
    const own = this.models.map((_, model) => `${this.grade(model, item)}${this.score(model, item)}`).filter((said) => said[0] !== NOT_ASKED);
    return own.some((said) => said !== own[0]);
  }

  /** Largest minus smallest score of an item. */
  spread(item) {
    const scores = this.models.map((_, model) => this.score(model, item)).filter((score) => score !== null);
    return scores.length ? Math.max(...scores) - Math.min(...scores) : -1;
  }

  /** The model's answer against the first model's: gained, lost, same; "" where one of them has no score. */
  change(model, item) {
    const [before, after] = [this.score(0, item), this.score(model, item)];
    if (before === null || after === null) return "";
    return after > before ? "gained" : after < before ? "lost" : "same";
  }

  /** Places of the items that pass, in the order asked for. `wanted`: query, benchmark, group, model, grade, change, differ, order. */
  found(wanted) {
    const terms = termsOf(wanted.query);
    const passing = [];
    for (let item = 0; item < this.n; item++) if (this.passes(item, wanted, terms)) passing.push(item);
    return this.ordered(passing, wanted);
  }

  passes(item, wanted, terms) {
    if (wanted.benchmark && this.benchmark(item) !== wanted.benchmark) return false;
    if (wanted.group && this.group(item) !== wanted.group) return false;
    if (wanted.grade && this.grade(wanted.model, item) !== wanted.grade) return false;
    if (wanted.change && this.change(wanted.model, item) !== wanted.change) return false;
    if (wanted.differ && !this.differ(item)) return false;
    return terms.length === 0 || terms.every((term) => this.searched(item).includes(term));
  }

  /** What has no figure comes last; ties keep the order of the benchmark. */
  ordered(passing, wanted) {
    const sure = (item) => (this.grade(wanted.model, item) === NOT_ASKED ? -1 : this.confidence(wanted.model, item));
    const by = {
      surest: (item) => -sure(item),
      unsurest: (item) => (sure(item) < 0 ? 2 : sure(item)),
      worst: (item) => this.score(wanted.model, item) ?? 2,
      spread: (item) => -this.spread(item),
    }[wanted.order];
    const { question } = this.items;
    if (wanted.order === "question") return passing.sort((a, b) => (question[a] < question[b] ? -1 : question[a] > question[b] ? 1 : a - b));
    if (!by) return passing;
    const keys = new Map(passing.map((item) => [item, by(item)]));
    return passing.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
  }

  /** Of these items, what one model has right of the graded ones, true of the judged claims, and won of the pairs (a tie is half). */
  totals(model, passing) {
    const told = { right: 0, graded: 0, supported: 0, judged: 0, won: 0, pairs: 0 };
    for (const item of passing) {
      const grade = this.grade(model, item);
      if (grade === "c") {
        const [supported, judged] = this.tally(model, item);
        told.supported += supported;
        told.judged += judged;
      } else if ("ptn".includes(grade)) {
        told.pairs += 1;
        told.won += this.score(model, item);
      } else if (grade !== NOT_ASKED && grade !== "u") {
        told.graded += 1;
        told.right += grade === "r" ? 1 : 0;
      }
    }
    return told;
  }
}

/**
 * The rows to draw: `first` to `last` (exclusive) of n rows of one height, where row `open` (-1: none) is followed by a panel.
 * `extra` rows are drawn above and below, so that scrolling meets no hole.
 */
function windowOf(n, top, height, rowHeight, open, panelHeight, extra) {
  const rowAt = (y) => {
    const after = (open + 1) * rowHeight;
    if (open < 0 || y < after) return Math.floor(y / rowHeight);
    return y < after + panelHeight ? open : Math.floor((y - panelHeight) / rowHeight);
  };
  const first = Math.max(0, rowAt(top) - extra);
  return { first, last: Math.min(n, rowAt(top + height) + 1 + extra) };
}

/** Where row `place` begins, in pixels from the first one. */
function topOf(place, rowHeight, open, panelHeight) {
  return place * rowHeight + (open >= 0 && place > open ? panelHeight : 0);
}
