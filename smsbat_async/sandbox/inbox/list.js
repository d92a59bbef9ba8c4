/*
 * The list of messages, newest first: only what is in view is in the page and asked for.
 *
 * A message is known by its place counted from the oldest, which new ones do not change: what one reads stays where
 * it is while they come. Under a filter by state places do change; then the row at the top of the view is held.
 */

import { el } from "./dom.js";
import { fillRow, makeRow, rowId } from "./rows.js";

const OVERSCAN = 8;
const MARGIN = 40;
const MOST_KEPT = 2000;
const MOST_ASKED = 500;
const PAUSE = 250;
const RETRY = 2000;
/* Browsers stop drawing somewhere above 16 million pixels; the list says so before. */
const TALLEST = 16_000_000;

export class MessageList {
  #scroller;
  #track;
  #ask;
  #told;
  #filter = {};
  #moves = false;
  #items = new Map();
  #places = new Map();
  #rows = new Map();
  #base = 0;
  #fresh = 0;
  #known = false;
  #generation = 0;
  #abort = null;
  #isStale = false;
  #lastAsked = -Infinity;
  #timer = 0;
  #revision = 0;
  #heard = 0;
  #rowHeight = 64;
  #active = null;
  #marked = null;
  #isWaited = false;
  #frame = 0;

  /**
   * @param {HTMLElement} scroller The listbox.
   * @param {HTMLElement} track As tall as all rows together.
   * @param {(query: object, signal: AbortSignal) => Promise<object>} ask Asks the sandbox for messages.
   * @param {object} told `answer(answer)`, `shown()`, `failed(error)`, `picked(message, place)`.
   */
  constructor(scroller, track, ask, told) {
    this.#scroller = scroller;
    this.#track = track;
    this.#ask = ask;
    this.#told = told;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    let pressed = null;
    track.addEventListener("pointerdown", (event) => {
      pressed = event.target.closest(".row")?.dataset.place;
    });
    track.addEventListener("click", (event) => {
      // New messages may have moved another row under the pointer since it was pressed.
      const place = pressed ?? event.target.closest(".row")?.dataset.place;
      pressed = null;
      if (place !== undefined) this.#pick(Number(place), true);
    });
    new ResizeObserver(() => this.#measure()).observe(scroller);
  }

  /** How many match, as far as the list knows. */
  get matching() {
    return this.#base + (this.#moves ? 0 : this.#fresh);
  }

  /** How many came since, above what is shown. */
  get fresh() {
    return this.#fresh;
  }

  /** How many are more than a browser can draw. */
  get cut() {
    return this.#base - this.#drawn;
  }

  /** Whether an answer has come since the filter was set. */
  get known() {
    return this.#known;
  }

  /**
   * Show other messages, from the top.
   * @param {object} filter Values for the query.
   * @param {boolean} moves Whether messages may enter or leave anywhere, not only at the new end.
   */
  show(filter, moves) {
    this.#filter = filter;
    this.#moves = moves;
    this.#known = false;
    this.#forget();
    this.#scroller.scrollTop = 0;
    this.stale();
  }

  /** Say whether messages may enter or leave anywhere from now on. */
  set moves(moves) {
    this.#moves = moves;
  }

  /** Ask anew for what is in view, soon. */
  stale() {
    this.#isStale = true;
    this.#pump();
  }

  /** Ask anew for everything: the sandbox may have been another one meanwhile. */
  anew() {
    this.#abort?.abort();
    this.#generation += 1;
    this.#abort = null;
    this.#lastAsked = -Infinity;
    this.#revision = this.#heard = 0;
    this.stale();
  }

  /** Take news of messages that may be in the list. */
  patch(messages, revision) {
    this.#heard = revision;
    for (const message of messages) {
      const place = this.#places.get(message.message_id);
      if (place !== undefined) this.#items.set(place, message);
    }
    this.#draw();
  }

  /** Take news of how many there are, where every message matches. */
  grown(total) {
    if (total < this.#base || this.#isAtTop) {
      if (total !== this.#base) this.stale();
      return;
    }
    this.#fresh = total - this.#base;
    this.#told.shown();
  }

  /** Go to the newest. */
  toTop() {
    this.#scroller.scrollTop = 0;
    this.stale();
  }

  /** Move the mark by a number of rows; positive is downwards. */
  move(step) {
    if (this.#drawn === 0) return;
    const row = this.#active === null ? (step > 0 ? -1 : 0) : this.#base - 1 - this.#active;
    const next = Math.min(this.#drawn - 1, Math.max(0, row + step));
    this.#pick(this.#base - 1 - next, false);
  }

  /** Rows in a view, for moves by pages. */
  get page() {
    return Math.max(1, Math.floor(this.#scroller.clientHeight / this.#rowHeight) - 1);
  }

  /** The marked message, if it is loaded. */
  get active() {
    return this.#active === null ? null : (this.#items.get(this.#active) ?? null);
  }

  /** Mark a message by its id, as soon as its place is known; null marks none. */
  mark(id) {
    this.#marked = id;
    this.#active = this.#places.get(id) ?? null;
    this.#draw();
  }

  get #drawn() {
    return Math.min(this.#base, Math.floor(TALLEST / this.#rowHeight));
  }

  get #isAtTop() {
    return this.#scroller.scrollTop < 4;
  }

  #pick(place, opened) {
    this.#active = place;
    const top = (this.#base - 1 - place) * this.#rowHeight;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + this.#rowHeight > scrollTop + clientHeight) {
      this.#scroller.scrollTop = top + this.#rowHeight - clientHeight;
    }
    this.#draw();
    this.#pump();
    const message = this.#items.get(place);
    this.#isWaited = message === undefined;
    if (message) this.#told.picked(message, opened);
  }

  #scrolled() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      if (this.#isAtTop && this.#fresh) this.#isStale = true;
      this.#draw();
      this.#pump();
    });
  }

  #measure() {
    const probe = el("div", { class: "row", "aria-hidden": "true" });
    this.#track.append(probe);
    const height = probe.getBoundingClientRect().height;
    probe.remove();
    if (height && height !== this.#rowHeight) {
      const row = this.#scroller.scrollTop / this.#rowHeight;
      this.#rowHeight = height;
      this.#grow(this.#base);
      this.#scroller.scrollTop = row * height;
    }
    this.#draw();
    this.#pump();
  }

  #forget() {
    this.#abort?.abort();
    this.#abort = null;
    this.#generation += 1;
    this.#items.clear();
    this.#places.clear();
    this.#active = null;
    this.#fresh = 0;
    this.#lastAsked = -Infinity;
    this.#grow(0);
    this.#draw();
  }

  #grow(base) {
    this.#base = base;
    this.#track.style.height = `${this.#drawn * this.#rowHeight}px`;
  }

  /** The rows in view, from the top; the second is past the last. */
  #view(around) {
    const first = Math.floor(this.#scroller.scrollTop / this.#rowHeight) - around;
    const last = Math.ceil((this.#scroller.scrollTop + this.#scroller.clientHeight) / this.#rowHeight) + around;
    return [Math.max(0, first), Math.min(this.#drawn, last)];
  }

  #isMissing() {
    const [first, last] = this.#view(0);
    for (let row = first; row < last; row += 1) if (!this.#items.has(this.#base - 1 - row)) return true;
    return false;
  }

  #pump() {
    if (this.#abort !== null) return;
    const missing = this.#isMissing();
    if (!missing && !this.#isStale) return;
    clearTimeout(this.#timer);
    const wait = missing ? 0 : this.#lastAsked + PAUSE - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.#pump(), wait);
    else this.#load();
  }

  async #load() {
    const generation = this.#generation;
    const newest = this.#isAtTop;
    this.#abort = new AbortController();
    this.#isStale = false;
    this.#lastAsked = performance.now();
    let query;
    if (newest) {
      const limit = Math.ceil(this.#scroller.clientHeight / this.#rowHeight) + MARGIN;
      query = { order: "newest", offset: 0, limit: Math.min(MOST_ASKED, limit) };
    } else {
      const [first, last] = this.#view(MARGIN);
      const limit = Math.max(1, Math.min(MOST_ASKED, last - first));
      query = { order: "oldest", offset: Math.max(0, this.#base - last), limit };
    }
    try {
      const answer = await this.#ask({ ...this.#filter, ...query }, this.#abort.signal);
      if (generation !== this.#generation) return;
      this.#abort = null;
      this.#take(answer, query);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#abort = null;
      this.#told.failed(error);
      // Not by pump(): what is missing would be asked for again at once.
      this.#timer = setTimeout(() => this.stale(), RETRY);
      return;
    }
    this.#pump();
  }

  #take(answer, query) {
    const { matching, messages, revision } = answer;
    const placed = messages.map((message, index) => [
      query.order === "newest" ? matching - 1 - index : query.offset + index,
      message,
    ]);
    const marked = this.active?.message_id ?? (this.#isWaited ? null : this.#marked);
    const agrees = placed.every(([place, message]) => {
      const kept = this.#items.get(place);
      return kept === undefined || kept.message_id === message.message_id;
    });
    const held = this.#moves || !agrees || matching < this.#base ? this.#idsInView() : [];
    if (this.#moves || !agrees || matching < this.#base) {
      this.#items.clear();
      this.#places.clear();
    }
    for (const [place, message] of placed) {
      this.#items.set(place, message);
      this.#places.set(message.message_id, place);
    }
    const found = held.find(([id]) => this.#places.has(id));
    if (this.#isAtTop && query.order === "newest") {
      this.#fresh = 0;
      this.#grow(matching);
    } else if (found !== undefined) {
      const [id, row] = found;
      const shift = matching - 1 - this.#places.get(id) - row;
      this.#grow(matching);
      if (shift) this.#scroller.scrollTop += shift * this.#rowHeight;
      this.#fresh = Math.max(0, this.#fresh + shift);
    } else if (this.#moves || matching < this.#base) {
      this.#grow(matching);
    } else {
      this.#fresh = matching - this.#base;
    }
    if (this.#places.has(marked)) this.#active = this.#places.get(marked);
    // Out of sight it may be anywhere; where it was is the best guess that is left.
    else if (this.#active !== null) this.#active = this.#base ? Math.min(this.#active, this.#base - 1) : null;
    this.#trim();
    this.#known = true;
    this.#revision = revision;
    // Asked before the last event and answered after it: what the event said may have been overwritten.
    if (this.#revision < this.#heard) this.#isStale = true;
    this.#told.answer(answer);
    this.#draw();
    this.#told.shown();
    if (this.#isWaited && this.active !== null) {
      this.#isWaited = false;
      this.#told.picked(this.active, false);
    }
  }

  #idsInView() {
    const [first, last] = this.#view(0);
    const ids = [];
    for (let row = first; row < last; row += 1) {
      const message = this.#items.get(this.#base - 1 - row);
      if (message) ids.push([message.message_id, row]);
    }
    return ids;
  }

  #trim() {
    if (this.#items.size <= MOST_KEPT) return;
    const [first, last] = this.#view(MOST_KEPT / 4);
    for (const [place, message] of this.#items) {
      const row = this.#base - 1 - place;
      if (row >= first && row < last) continue;
      this.#items.delete(place);
      this.#places.delete(message.message_id);
    }
  }

  #draw() {
    const [first, last] = this.#view(OVERSCAN);
    for (const [place, row] of this.#rows) {
      const at = this.#base - 1 - place;
      if (at >= first && at < last) continue;
      row.element.remove();
      this.#rows.delete(place);
    }
    let before = this.#track.firstElementChild;
    for (let at = first; at < last; at += 1) {
      const place = this.#base - 1 - at;
      let row = this.#rows.get(place);
      if (row === undefined) {
        row = makeRow(place);
        this.#rows.set(place, row);
      }
      if (row.element !== before) this.#track.insertBefore(row.element, before);
      else before = before.nextElementSibling;
      row.element.style.transform = `translateY(${at * this.#rowHeight}px)`;
      row.element.setAttribute("aria-posinset", at + 1);
      row.element.setAttribute("aria-setsize", this.#base);
      row.element.setAttribute("aria-selected", place === this.#active);
      fillRow(row, this.#items.get(place) ?? null);
    }
    if (this.#rows.has(this.#active)) this.#scroller.setAttribute("aria-activedescendant", rowId(this.#active));
    else this.#scroller.removeAttribute("aria-activedescendant");
  }
}
