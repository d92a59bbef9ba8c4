/* The sandbox's control API, and its stream of events. */

const ROOT = "/_sandbox";
const REOPEN_AFTER = 1000;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(method, path, body, signal) {
  const headers = method === "GET" ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(ROOT + path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The sandbox does not answer");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? `The sandbox answered ${response.status}`);
  if (answer === null) throw new ApiError(0, "The answer of the sandbox broke off");
  return answer;
}

/** Ask for messages; empty values of the query are left out. */
export function findMessages(query, signal) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null);
  return ask("GET", `/messages?${new URLSearchParams(given)}`, undefined, signal);
}

const message = (id) => `/messages/${encodeURIComponent(id)}`;

export const getMessage = (id) => ask("GET", message(id));
export const decide = (id, outcome, channel) =>
  ask("POST", `${message(id)}/outcome`, channel ? { outcome, channel } : { outcome });
export const clearMessages = () => ask("DELETE", "/messages");
export const getConfig = () => ask("GET", "/config");
export const getFaults = () => ask("GET", "/faults");
export const addFault = (fault) => ask("POST", "/faults", fault);
export const clearFaults = () => ask("DELETE", "/faults");
export const advance = (seconds) => ask("POST", "/advance", { seconds });

/**
 * Hear of changes until the page is left. A browser keeps six connections to a host over all tabs: a page that
 * nobody looks at gives its own back, and asks for everything when it is looked at again.
 * @param {{hello: Function, changed: Function, cleared: Function, state: (word: string) => void}} told
 */
export function listen(told) {
  let source = null;
  let timer = 0;

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    told.state("connecting");
    const stream = new EventSource(`${ROOT}/events`);
    source = stream;
    stream.addEventListener("hello", (event) => {
      told.state("live");
      told.hello(JSON.parse(event.data));
    });
    stream.addEventListener("changed", (event) => told.changed(JSON.parse(event.data)));
    stream.addEventListener("cleared", (event) => told.cleared(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      // A browser gives up after some errors and waits long after others; this tries again every second.
      stream.close();
      if (source !== stream) return;
      source = null;
      told.state("lost");
      timer = setTimeout(open, REOPEN_AFTER);
    });
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (source === null) open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  if (!document.hidden) open();
}
