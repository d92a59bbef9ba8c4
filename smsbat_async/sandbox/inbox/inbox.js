/* The inbox page: what the sandbox says goes to the list, the chosen message and the figures above. */

import * as api from "./api.js";
import { Detail } from "./detail.js";
import { byId, el, icon, setIcon, setText } from "./dom.js";
import { MessageList } from "./list.js";
import { Steering } from "./steering.js";
import { STATUSES, channelWord, count, counted, money } from "./words.js";

const SEARCH_PAUSE = 200;
const TELL_EVERY = 10_000;
const SAID_FOR = 5_000;
const REMEMBER_AFTER = 300;
const POLLS_EVERY = 2_000;
const LINES = { connecting: "Connecting", live: "Live", lost: "Connection lost, trying again" };
const FILTERS = ["search", "status", "channel", "vendor"];

const narrow = matchMedia("(max-width: 760px)");
const filter = { search: "", status: "", channel: "", vendor: "" };
const standing = { revision: -1, total: 0, counts: {}, cost: "0", currency: "" };
let config = { max_messages: Infinity };
let wanted = null;
let news = 0;

const list = new MessageList(byId("list"), byId("track"), api.findMessages, {
  answer: (answer) => figures(answer),
  shown: found,
  failed,
  picked(message, isOpened) {
    if (isOpened || !narrow.matches) choose(message);
  },
});
const detail = new Detail(byId("detail"), {
  back: leave,
  copied: say,
  async decide(id, outcome, channel) {
    try {
      take([await api.decide(id, outcome, channel)]);
    } catch (error) {
      failed(error);
      refresh();
    }
  },
});
const steering = new Steering({ said: say, failed });

/* -- what the sandbox says ------------------------------------------------------------------------------------ */

const isFiltered = () => FILTERS.some((name) => filter[name] !== "");
const moves = () => filter.status !== "" || filter.channel !== "" || standing.total >= config.max_messages;

function hello(event) {
  standing.revision = -1;
  figures(event);
  list.anew();
  refresh();
  steering.refresh();
  learn();
}

function changed(event) {
  figures(event);
  list.moves = moves();
  list.patch(event.messages, event.revision);
  take(event.messages);
  if (isFiltered() || moves()) list.stale();
  else {
    list.grown(event.total);
    if (event.more) list.stale();
  }
  if (event.more) refresh();
}

function cleared(event) {
  figures(event);
  list.show({ ...filter }, moves());
  choose(null);
}

function take(messages) {
  const message = messages.find((one) => one.message_id === detail.id);
  if (message === undefined) return;
  news += 1;
  detail.show(message);
}

/** Ask for the chosen message; an event that comes meanwhile knows better. */
async function refresh() {
  const id = wanted ?? detail.id;
  if (id === null) return;
  const before = news;
  try {
    const message = await api.getMessage(id);
    if (wanted === id) choose(message);
    else if (detail.id === id && before === news) detail.show(message);
  } catch (error) {
    if (error.status !== 404) return;
    if (wanted === id || detail.id === id) choose(null);
  } finally {
    if (wanted === id) wanted = null;
  }
}

/** Show the channel that is filtered by; the address may name one that this sandbox has not. */
function isChannelKnown() {
  const select = byId("channel");
  select.value = filter.channel;
  if (select.selectedIndex >= 0) return true;
  select.value = "";
  return false;
}

async function learn() {
  try {
    config = await api.getConfig();
  } catch (error) {
    failed(error);
    return;
  }
  config.max_messages ??= Infinity;
  const select = byId("channel");
  const options = config.channels.map((name) => el("option", { value: name, text: channelWord(name) }));
  select.replaceChildren(el("option", { value: "", text: "All channels" }), ...options);
  if (!isChannelKnown()) pick({ channel: "" });
  setText(byId("curl"), curl());
}

/* -- the figures above ----------------------------------------------------------------------------------------- */

function figures({ revision, total, counts, cost, currency }) {
  // An answer that was overtaken by an event knows less than the event did.
  if (revision < standing.revision) return;
  Object.assign(standing, { revision, total, counts, cost, currency: currency ?? standing.currency });
  for (const [status, chip] of chips) setText(chip.number, count(status ? (counts[status] ?? 0) : total));
  setText(byId("cost"), money(cost, standing.currency));
  found();
  tell();
}

function found() {
  const { total } = standing;
  const words = [counted(total, "message")];
  if (isFiltered()) words.push(list.known ? `${count(list.matching)} match` : "looking");
  if (list.cut > 0) words.push(`the list reaches the newest ${count(list.matching - list.cut)}: search for the others`);
  setText(byId("found"), words.join(", "));
  const newer = byId("newer");
  newer.hidden = list.fresh === 0;
  setText(byId("newer-text"), `${count(list.fresh)} new`);
  const isEmpty = list.known && list.matching === 0;
  byId("first").hidden = !(isEmpty && total === 0);
  byId("none").hidden = !(isEmpty && total > 0);
  byId("list").hidden = isEmpty;
  document.body.toggleAttribute("data-empty", isEmpty && total === 0);
}

let told = "";
let teller = 0;

/** Tell the figures to a screen reader: when they have changed, and not more often than every ten seconds. */
function tell() {
  if (teller) return;
  const { total, counts } = standing;
  const states = Object.entries(STATUSES).filter(([status]) => counts[status]);
  const words = states.map(([status, word]) => `${count(counts[status])} ${word.toLowerCase()}`);
  const now = [counted(total, "message"), ...words].join(", ");
  if (now === told) return;
  told = now;
  setText(byId("told"), now);
  teller = setTimeout(() => {
    teller = 0;
    tell();
  }, TELL_EVERY);
}

function line(word) {
  const place = byId("live");
  place.dataset.state = word;
  setIcon(place.querySelector("svg"), word);
  setText(byId("live-text"), LINES[word]);
}

let silence = 0;

function say(text) {
  const place = byId("toast");
  setText(place, text);
  place.dataset.open = "";
  clearTimeout(silence);
  silence = setTimeout(() => {
    delete place.dataset.open;
    setText(place, "");
  }, SAID_FOR);
}

function failed(error) {
  // That the sandbox does not answer is said above, for as long as it is so.
  if (!(error instanceof api.ApiError)) throw error;
  if (error.status) say(error.message);
}

function curl() {
  const body =
    '[{"id":"order-1","fromName":"Shop","toPhone":"+380501234567","messageType":"transaction","text":"Ready"}]';
  return [
    `curl ${location.origin}/api/CascadeMessage/send_message/async \\`,
    `  -H 'X-Authorization-Key: ${config.api_key ?? "sandbox-key"}' \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${body}'`,
  ].join("\n");
}

/* -- the chosen message ------------------------------------------------------------------------------------------ */

function choose(message) {
  wanted = null;
  detail.show(message);
  list.mark(message?.message_id ?? null);
  document.body.toggleAttribute("data-open", message !== null);
  byId("nothing").hidden = message !== null;
  byId("detail").hidden = message === null;
  remember();
}

function leave() {
  if (narrow.matches) choose(null);
  byId("list").focus();
}

let memory = 0;

/** Keep filters and choice in the address, so that they outlive a reload; browsers refuse to be asked too often. */
function remember() {
  clearTimeout(memory);
  memory = setTimeout(keep, REMEMBER_AFTER);
}

function keep() {
  const given = FILTERS.filter((name) => filter[name] !== "").map((name) => [name, filter[name]]);
  const id = detail.id ?? wanted;
  if (id !== null) given.push(["message", id]);
  history.replaceState(null, "", given.length ? `#${new URLSearchParams(given)}` : location.pathname);
}

function recall() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of FILTERS) filter[name] = given.get(name) ?? "";
  if (!Object.hasOwn(STATUSES, filter.status)) filter.status = "";
  wanted = given.get("message");
  byId("search").value = filter.search;
  byId("vendor").value = filter.vendor;
  filter.vendor = byId("vendor").value;
}

/* A link that is followed within the page changes nothing but this; what keep() writes is not heard of. */
addEventListener("hashchange", () => {
  recall();
  pick(isChannelKnown() ? {} : { channel: "" });
  if (wanted === null) choose(null);
  else refresh();
});

/* -- filters -------------------------------------------------------------------------------------------------------- */

const chips = new Map(["", ...Object.keys(STATUSES)].map((status) => [status, makeChip(status)]));

function makeChip(status) {
  const number = el("strong", { text: "0" });
  const button = el(
    "button",
    { type: "button", class: "chip", "data-status": status || "all", title: STATUSES[status] ?? null, click: () => pick({ status }) },
    status ? icon(status) : null,
    el("span", { class: "chip-word", text: STATUSES[status] ?? "All" }),
    " ",
    number,
  );
  byId("states").append(button);
  return { button, number };
}

function pick(change) {
  Object.assign(filter, change);
  for (const [status, { button }] of chips) button.setAttribute("aria-pressed", status === filter.status);
  list.show({ ...filter }, moves());
  if (detail.id !== null) list.mark(detail.id);
  remember();
  found();
}

let typing = 0;

byId("search").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => pick({ search: event.target.value.trim() }), SEARCH_PAUSE);
});
byId("channel").addEventListener("change", (event) => pick({ channel: event.target.value }));
byId("vendor").addEventListener("change", (event) => pick({ vendor: event.target.value }));
byId("all").addEventListener("click", () => {
  byId("search").value = byId("channel").value = byId("vendor").value = "";
  pick({ search: "", status: "", channel: "", vendor: "" });
  byId("list").focus();
});
byId("newer").addEventListener("click", () => {
  list.toTop();
  byId("list").focus();
});
byId("curl-copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(curl());
    say("The command is copied");
  } catch {
    getSelection().selectAllChildren(byId("curl"));
    say("The command is selected: copy it with Ctrl+C");
  }
});

/* -- keys ----------------------------------------------------------------------------------------------------------- */

const MOVES = {
  j: () => 1,
  k: () => -1,
  ArrowDown: () => 1,
  ArrowUp: () => -1,
  PageDown: () => list.page,
  PageUp: () => -list.page,
  Home: () => -Infinity,
  End: () => Infinity,
};

function open() {
  if (list.active === null) return;
  choose(list.active);
  detail.focus();
}

function escape(target) {
  if (target.id === "search" && target.value !== "") {
    clearTimeout(typing);
    target.value = "";
    pick({ search: "" });
  } else if (byId("detail").contains(target) || narrow.matches) leave();
  else byId("list").focus();
}

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("steering").matches(":popover-open")) return;
  const isField = target.closest("input, select, textarea") !== null;
  const isList = target === byId("list");
  // Space and the arrows belong to what has the focus; a letter is free wherever nothing is written.
  if (key === "Escape") escape(target);
  else if (isField) {
    if (key !== "ArrowDown" || target.id !== "search") return;
    byId("list").focus();
  } else if (key === "/") byId("search").focus();
  else if (key === "Enter" && isList) open();
  else if (key in MOVES && (isList || target === document.body || key === "j" || key === "k")) {
    list.move(MOVES[key]());
    if (!isList && !byId("detail").contains(target)) byId("list").focus();
  } else return;
  event.preventDefault();
});

/* -- begin ---------------------------------------------------------------------------------------------------------- */

recall();
pick({});
api.listen({ hello, changed, cleared, state: line });
// How often a message was polled is no event: in a campaign there would be nothing else.
setInterval(() => document.hidden || byId("live").dataset.state !== "live" || refresh(), POLLS_EVERY);
