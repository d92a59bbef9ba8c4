/* The steering menu: time, faults, and a fresh start. */

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { clockTime, counted } from "./words.js";

const FAULTS = {
  lose: "Lose the answer",
  reset: "Reset the connection",
  fail: "Answer 500",
  too_many: "Answer 429",
  slow: "Answer late",
  garbage: "Answer with HTML",
  shuffle: "Shuffle the receipts",
  incomplete: "Leave out receipts",
};
const KINDS = { all: "request", send: "send request", status: "status request" };

export class Steering {
  #told;
  #fault = byId("fault");
  #on = byId("fault-on");
  #times = byId("fault-times");
  #waiting = byId("faults");
  #clear = byId("clear");
  #sure = byId("clear-sure");

  /** @param {object} told `said(text)`, `failed(error)`. */
  constructor(told) {
    this.#told = told;
    for (const [value, text] of Object.entries(FAULTS)) this.#fault.append(el("option", { value, text }));
    for (const button of document.querySelectorAll("[data-advance]")) {
      button.addEventListener("click", () => this.#advance(Number(button.dataset.advance)));
    }
    byId("fault-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    byId("faults-clear").addEventListener("click", () => this.#try(async () => this.#show(await this.#noFaults())));
    this.#clear.addEventListener("click", () => this.#ask(true));
    byId("clear-no").addEventListener("click", () => this.#ask(false));
    byId("clear-yes").addEventListener("click", () =>
      this.#try(async () => {
        await api.clearMessages();
        this.#ask(false);
        this.#told.said("All messages are cleared");
      }),
    );
    byId("steering").addEventListener("toggle", (event) => {
      const isOpen = event.newState === "open";
      byId("steer").setAttribute("aria-expanded", isOpen);
      this.#ask(false, false);
      if (isOpen) this.refresh();
    });
  }

  /** Ask for the faults that still wait. */
  refresh() {
    return this.#try(async () => this.#show((await api.getFaults()).faults));
  }

  async #try(action) {
    try {
      await action();
    } catch (error) {
      this.#told.failed(error);
    }
  }

  #advance(seconds) {
    return this.#try(async () => {
      const { now } = await api.advance(seconds);
      this.#told.said(`In the sandbox it is ${clockTime(now)}`);
    });
  }

  #add() {
    return this.#try(async () => {
      const times = this.#times.valueAsNumber;
      await api.addFault({ fault: this.#fault.value, on: this.#on.value, times });
      await this.refresh();
    });
  }

  async #noFaults() {
    await api.clearFaults();
    return [];
  }

  #show(faults) {
    byId("faults-clear").hidden = faults.length === 0;
    this.#waiting.replaceChildren(
      ...faults.map(({ fault, on, times }) => {
        const what = times === 1 ? `next ${KINDS[on] ?? on}` : `next ${counted(times, KINDS[on] ?? on)}`;
        return el("li", { text: `${FAULTS[fault] ?? fault}: ${what}` });
      }),
    );
  }

  #ask(isAsked, moveFocus = true) {
    this.#sure.hidden = !isAsked;
    this.#clear.hidden = isAsked;
    if (moveFocus) (isAsked ? byId("clear-no") : this.#clear).focus();
  }
}
