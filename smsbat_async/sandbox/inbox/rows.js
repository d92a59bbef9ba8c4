/* A row of the list. */

import { el, icon, setIcon, setText } from "./dom.js";
import { channelWord, clockTime, oneLine, statusWord } from "./words.js";

export const rowId = (place) => `row-${place}`;

/** Make a row for a place in the list. */
export function makeRow(place) {
  const parts = {
    mark: icon("scheduled", "icon mark"),
    phone: el("bdi", { class: "to" }),
    sender: el("bdi", { class: "from" }),
    text: el("bdi", { class: "said" }),
    status: el("span", { class: "word" }),
    channel: el("span", { class: "via" }),
    time: el("time", { class: "at" }),
  };
  const element = el(
    "div",
    { class: "row", role: "option", id: rowId(place), "data-place": place },
    parts.mark,
    parts.phone,
    el("span", { class: "line" }, parts.sender, " ", parts.text),
    parts.status,
    el("span", { class: "when" }, parts.channel, " ", parts.time),
  );
  return { element, parts, shown: undefined };
}

/** Have a row show a message; null is one that has not come yet. */
export function fillRow(row, message) {
  if (row.shown === message) return;
  row.shown = message;
  const { element, parts } = row;
  if (message === null) {
    element.className = "row blank";
    delete element.dataset.status;
    delete element.dataset.id;
    for (const part of [parts.sender, parts.text, parts.status, parts.channel, parts.time]) setText(part, "");
    setText(parts.phone, "Loading");
    return;
  }
  element.className = "row";
  element.dataset.status = message.status;
  element.dataset.id = message.message_id;
  setIcon(parts.mark, message.status);
  setText(parts.phone, message.phone);
  setText(parts.sender, message.vendor === "zns" ? "ZNS" : message.sender);
  setText(parts.text, oneLine(message));
  setText(parts.status, message.decided ? `${statusWord(message.status)}, by hand` : statusWord(message.status));
  setText(parts.channel, message.channel === null ? "" : channelWord(message.channel));
  setText(parts.time, clockTime(message.accepted_at));
}
