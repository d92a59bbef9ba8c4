/* The chosen message: what its recipient sees, the channels tried, its figures, and the buttons that decide its fate. */

import { el, icon, setText } from "./dom.js";
import { phone, phoneKey } from "./phone.js";
import * as words from "./words.js";

const OUTCOMES = [
  ["delivered", "Deliver", "delivered"],
  ["undeliverable", "Undeliverable", "undeliverable"],
  ["permanenterror", "Permanent error", "permanenterror"],
  ["never", "Never ends", "never"],
];

/* A channel that has ended cannot be decided any more. */
const LEFT = new Set(["scheduled", "processing"]);

export class Detail {
  #root;
  #told;
  #message = null;
  #parts = null;
  #keys = {};
  #by = "";

  /**
   * @param {HTMLElement} root Where it is drawn.
   * @param {object} told `decide(id, outcome, channel)`, `back()`, `copied(text)`.
   */
  constructor(root, told) {
    this.#root = root;
    this.#told = told;
  }

  /** The id of the message that is shown, or null. */
  get id() {
    return this.#message?.message_id ?? null;
  }

  /** Show a message, or its news; null shows none. */
  show(message) {
    if (message === null) {
      this.#message = null;
      this.#root.replaceChildren();
      return;
    }
    if (message.message_id !== this.id) this.#begin(message);
    this.#message = message;
    this.#part("state", [message.status, message.decided], () => state(message));
    const open = !words.hasEnded(message);
    const left = open ? message.channels.filter(({ status }) => LEFT.has(status)).map(({ name }) => name) : [];
    this.#part("decide", [open, left], () => (open ? this.#decide(left) : []));
    this.#part("phone", phoneKey(message), () => [phone(message)]);
    this.#part("channels", message.channels, () => message.channels.map(channel));
    this.#facts(message);
  }

  /** Put the focus on it. */
  focus() {
    this.#root.querySelector("h2")?.focus();
  }

  #begin(message) {
    this.#keys = {};
    this.#by = "";
    this.#parts = {
      state: el("div", { class: "state" }),
      decide: el("div", { class: "decide" }),
      phone: el("div", { class: "device-place" }),
      channels: el("ol", { class: "channels" }),
      facts: {},
    };
    const { facts } = this.#parts;
    const fact = (name, label, ...also) => {
      facts[name] = el("dd", { "data-fact": name });
      return [el("dt", { text: label }), also.length ? el("div", { class: "with" }, facts[name], ...also) : facts[name]];
    };
    const copy = (name, label) =>
      el("button", {
        class: "quiet small",
        type: "button",
        "aria-label": `Copy the ${label}`,
        text: "Copy",
        click: () => this.#copy(facts[name], label),
      });
    const list = el(
      "dl",
      { class: "facts" },
      ...fact("cost", "Cost"),
      ...fact("parts", "Parts"),
      ...fact("accepted", "Accepted"),
      ...fact("starts", "Starts"),
      ...fact("ended", "Ended"),
      ...fact("polls", "Polls"),
      ...fact("webhooks", "Webhooks tried"),
      ...fact("answer", "Named in the answer"),
      ...fact("type", "Type"),
      ...fact("vendor", "Vendor"),
      ...fact("sender", message.vendor === "zns" ? "Template" : "Sender"),
    );
    const ids = el("dl", { class: "facts ids" });
    for (const [name, label] of [["tracking", "Tracking id"], ["message", "Message id"]]) {
      const [term, value] = fact(name, label, copy(name, label.toLowerCase()));
      ids.append(term, value);
    }
    const back = el(
      "button",
      { class: "quiet back", type: "button", click: () => this.#told.back() },
      icon("back"),
      "Back to the list",
    );
    this.#root.replaceChildren(
      back,
      el(
        "header",
        { class: "detail-head" },
        el("h2", { tabindex: -1 }, el("bdi", { text: message.phone })),
        this.#parts.state,
      ),
      this.#parts.decide,
      el(
        "div",
        { class: "columns" },
        section("On the phone", this.#parts.phone),
        el(
          "div",
          { class: "column" },
          section("Channels, in order", this.#parts.channels),
          section("Figures", list),
          section("Ids", ids),
        ),
      ),
    );
    this.#root.scrollTop = 0;
  }

  /** Redraw a part only when it has become another, and keep the focus near when it was inside. */
  #part(name, key, draw) {
    const text = JSON.stringify(key);
    if (this.#keys[name] === text) return;
    this.#keys[name] = text;
    const place = this.#parts[name];
    const focused = place.contains(document.activeElement) ? focusKey(document.activeElement) : null;
    place.replaceChildren(...draw());
    if (focused === null) return;
    const again = [...place.querySelectorAll("button, select")].find((one) => focusKey(one) === focused);
    if (again) again.focus();
    else this.focus();
  }

  #decide(left) {
    const options = left.map((name) => el("option", { value: name, text: words.channelWord(name) }));
    const chosen = (event) => (this.#by = event.target.value);
    const now = el("option", { value: "", text: "the channel tried now" });
    const choice = el("select", { id: "by", change: chosen }, now, ...options);
    // What was chosen outlives news of the channels, unless that channel has ended.
    if (!left.includes(this.#by)) this.#by = "";
    choice.value = this.#by;
    const buttons = OUTCOMES.map(([outcome, label, shape]) => {
      const click = () => this.#told.decide(this.id, outcome, outcome === "delivered" ? choice.value : "");
      const look = outcome === "delivered" ? "main" : null;
      return el("button", { type: "button", class: look, "data-outcome": outcome, click }, icon(shape), label);
    });
    const title = "Decide its fate";
    return [
      el("h3", { text: title }),
      el("div", { class: "buttons", role: "group", "aria-label": title }, ...buttons),
      left.length > 1 ? el("label", { class: "by" }, "Deliver by", choice) : "",
    ];
  }

  #facts(message) {
    const { facts } = this.#parts;
    const took = message.ended_at - message.starts_at;
    const values = {
      cost: message.cost === null ? "Not known before the end" : words.money(message.cost, message.currency),
      parts: String(message.parts),
      accepted: words.clockTime(message.accepted_at),
      starts: message.starts_at > message.accepted_at ? words.clockTime(message.starts_at) : "At once",
      ended: words.hasEnded(message)
        ? `${words.clockTime(message.ended_at)}, after ${words.duration(Math.max(0, took))}`
        : "Not yet",
      polls: words.count(message.polls),
      webhooks: webhooks(message.webhooks),
      answer: message.named ? "Yes" : "No: its sender does not know its id",
      type: words.typeWord(message.message_type),
      vendor: words.vendorWord(message.vendor),
      sender: message.sender,
      tracking: message.tracking_id,
      message: message.message_id,
    };
    for (const [name, value] of Object.entries(values)) setText(facts[name], value);
  }

  async #copy(element, label) {
    try {
      await navigator.clipboard.writeText(element.textContent);
      this.#told.copied(`The ${label} is copied`);
    } catch {
      // Without a secure origin there is no clipboard: the text is selected, and one key away from it.
      getSelection().selectAllChildren(element);
      this.#told.copied(`The ${label} is selected: copy it with Ctrl+C`);
    }
  }
}

/** What is the same about a control before and after it is drawn anew. */
const focusKey = (control) => control.dataset.outcome ?? control.id;

function section(title, content) {
  return el("section", { class: "part", "aria-label": title }, el("h3", { text: title }), content);
}

function state(message) {
  const pill = el(
    "span",
    { class: "pill", "data-status": message.status },
    icon(message.status),
    words.statusWord(message.status),
  );
  if (!message.decided) return [pill];
  const never = !words.hasEnded(message);
  return [
    pill,
    el("span", { class: "pill byhand" }, icon("hand"), never ? "Never ends, decided by hand" : "Decided by hand"),
  ];
}

function channel({ name, status }) {
  const [word, shape] = words.channelFate(status);
  return el(
    "li",
    { "data-channel-status": status },
    icon(shape, "icon mark"),
    el("span", { class: "name", text: words.channelWord(name) }),
    el("span", { class: "fate", text: word }),
  );
}

function webhooks({ tried, last_status: last }) {
  if (!tried) return "None";
  return last === null ? `${words.count(tried)}, no answer` : `${words.count(tried)}, last answer ${last}`;
}
