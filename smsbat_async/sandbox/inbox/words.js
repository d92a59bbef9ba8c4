/* What things are called, and how figures and times are written. */

/** The states of a message, in the order of their life. */
export const STATUSES = {
  scheduled: "Scheduled",
  processing: "Processing",
  delivered: "Delivered",
  undeliverable: "Undeliverable",
  permanenterror: "Permanent error",
};

/** What became of a channel: its word, and the icon beside it. */
const FATES = {
  scheduled: ["Waiting", "scheduled"],
  processing: ["Trying", "processing"],
  delivered: ["Delivered", "delivered"],
  undeliverable: ["Failed", "undeliverable"],
  permanenterror: ["Failed for good", "permanenterror"],
  not_used: ["Not used", "unused"],
};

const CHANNELS = {
  telegram: "Telegram",
  viber: "Viber",
  rcs: "RCS",
  sms: "SMS",
  flashcall: "Flash call",
  zalo: "Zalo",
};

const TYPES = {
  transaction: "Transactional",
  promo: "Promotional",
  viber_survey: "Survey",
  flashcall: "Flash call",
  zns: "ZNS template",
};

const VENDORS = { smsbat: "SMSBAT", zns: "Goby ZNS" };

const whole = new Intl.NumberFormat("en");
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const statusWord = (status) => STATUSES[status] ?? status;
export const channelWord = (name) => CHANNELS[name] ?? name;
export const typeWord = (type) => TYPES[type] ?? type;
export const vendorWord = (vendor) => VENDORS[vendor] ?? vendor;
export const channelFate = (status) => FATES[status] ?? [status, "unused"];
export const hasEnded = (message) => message.ended_at !== null;
export const money = (amount, currency) => `${amount} ${currency}`;
export const count = (number) => whole.format(number);
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** The time of day in the reader's zone, with the date where it is not today's. */
export function clockTime(epoch) {
  const moment = new Date(epoch * 1000);
  const today = moment.toDateString() === new Date().toDateString();
  return today ? time.format(moment) : `${day.format(moment)}, ${time.format(moment)}`;
}

export const hourMinute = (epoch) => minute.format(new Date(epoch * 1000));

/** A length of time: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return rounded % 60 ? `${minutes} min ${rounded % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${whole.format(Math.floor(minutes / 60))} h ${minutes % 60} min` : `${whole.format(minutes / 60)} h`;
}

/** The data of a ZNS message's template, or null where there is none to be read. */
export function templateData(message) {
  if (message.vendor !== "zns") return null;
  try {
    const data = JSON.parse(message.text);
    return data !== null && typeof data === "object" && !Array.isArray(data) ? data : null;
  } catch {
    return null;
  }
}

/** A text for one line of a list. */
export function oneLine(message) {
  const data = templateData(message);
  if (data !== null) return Object.values(data).map(asText).join(", ") || "No template data";
  return message.text || (message.message_type === "flashcall" ? "Flash call" : "No text");
}

export const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/* Characters that take no room or turn the direction of others; the joiner of emoji is none of them. */
const UNSEEN = /[\u00ad\u061c\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/gu;

/** Tell which characters of a text cannot be seen. */
export function unseen(text) {
  const found = text.match(UNSEEN) ?? [];
  const codes = [...new Set(found)].map((character) => {
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `U+${code}`;
  });
  return { number: found.length, codes };
}
