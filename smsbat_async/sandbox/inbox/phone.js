/* The recipient's phone: what a message looks like there, once a channel has brought it. */

import { el, icon } from "./dom.js";
import { asText, channelWord, clockTime, count, counted, hourMinute, templateData, unseen } from "./words.js";

/* The sandbox keeps so many characters of a text. */
const KEPT = 1000;

/** Draw the phone for a message. */
export function phone(message) {
  const arrived = message.status === "delivered";
  const screen = message.message_type === "flashcall" ? call(message) : conversation(message, arrived);
  return el(
    "figure",
    { class: "device", "data-arrived": arrived, "data-channel": lookOf(message) },
    el("div", { class: "screen" }, screen),
    el("figcaption", { class: "caption", "data-status": message.status }, ...caption(message)),
  );
}

/** What the phone depends on: it is drawn anew only when this changes. */
export const phoneKey = (message) =>
  JSON.stringify([message.message_id, message.status, message.channel, message.channels.length]);

function lookOf(message) {
  if (message.channel !== null) return message.channel;
  return message.channels[0]?.name ?? "sms";
}

function caption(message) {
  const channel = message.channel === null ? null : channelWord(message.channel);
  switch (message.status) {
    case "delivered":
      return [icon("delivered"), `Arrived by ${channel} at ${clockTime(message.ended_at)}`];
    case "processing":
      return [icon("processing"), `Not on the phone yet: ${channel} is being tried`];
    case "scheduled":
      return [
        icon("scheduled"),
        message.starts_at > message.accepted_at
          ? `Not on the phone yet: scheduled for ${clockTime(message.starts_at)}`
          : "Not on the phone yet: waiting in the queue",
      ];
    case "undeliverable":
      return [icon("undeliverable"), "Never arrived: no channel could deliver it"];
    default:
      return [icon("permanenterror"), "Never arrived: it failed for good"];
  }
}

function conversation(message, arrived) {
  const channel = lookOf(message);
  const data = templateData(message);
  const title = message.vendor === "zns" ? "Zalo notification" : message.sender;
  const under = message.vendor === "zns" ? `Template ${message.sender}` : channelWord(channel);
  const content = data === null ? textOf(message.text) : card(data);
  const bubble = el("div", { class: data === null ? "bubble" : "bubble card" }, content);
  const options = message.survey_options ?? [];
  if (options.length) {
    const choices = options.map((option) => el("li", { dir: "auto", text: option }));
    bubble.append(el("ul", { class: "choices", "aria-label": "Answers to choose from" }, ...choices));
  }
  return el(
    "div",
    { class: "talk" },
    header(title, under),
    el(
      "div",
      { class: "thread" },
      bubble,
      arrived ? el("span", { class: "sent-at", text: hourMinute(message.ended_at) }) : null,
      ...notes(message, data === null),
    ),
  );
}

function header(title, under) {
  return el(
    "div",
    { class: "talk-head" },
    el("span", { class: "avatar", "aria-hidden": "true", text: initial(title) }),
    el(
      "div",
      { class: "talk-names" },
      el("bdi", { class: "talk-title", text: title }),
      el("bdi", { class: "talk-under", text: under }),
    ),
  );
}

function textOf(text) {
  return text === ""
    ? el("p", { class: "text none", text: "No text" })
    : el("p", { class: "text", dir: "auto", text });
}

function notes(message, isText) {
  const said = [];
  const hidden = unseen(message.text);
  if (hidden.number) {
    said.push(`${counted(hidden.number, "character")} that cannot be seen: ${hidden.codes.join(", ")}`);
  }
  if ([...message.text].length >= KEPT) {
    said.push(`The sandbox keeps the first ${count(KEPT)} characters of a text; more may have been sent`);
  }
  if (isText && message.channel === "sms" && message.parts > 1) said.push(`Sent in ${message.parts} parts`);
  return said.map((text) => el("p", { class: "note", text }));
}

function call(message) {
  const round = (name, look) => el("span", { class: `round ${look}` }, icon(name));
  return el(
    "div",
    { class: "call" },
    el("span", { class: "avatar large", "aria-hidden": "true", text: initial(message.sender) }),
    el("bdi", { class: "talk-title", text: message.sender }),
    el("p", { class: "talk-under", text: message.status === "delivered" ? "Incoming call" : "Call" }),
    message.text === "" ? null : el("p", { class: "text", dir: "auto", text: message.text }),
    el("div", { class: "rounds", "aria-hidden": "true" }, round("decline", "no"), round("accept", "yes")),
  );
}

function card(data) {
  const rows = Object.entries(data).flatMap(([name, value]) => [
    el("dt", { dir: "auto", text: name }),
    el("dd", { dir: "auto", text: asText(value) }),
  ]);
  if (!rows.length) return el("p", { class: "text none", text: "No template data" });
  return el("dl", { class: "pairs" }, ...rows);
}

function initial(name) {
  const first = [...name.trim()].find((character) => /[\p{L}\p{N}]/u.test(character));
  return first === undefined ? "#" : first.toUpperCase();
}
