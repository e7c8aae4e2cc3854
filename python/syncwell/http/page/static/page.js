// Asks again for the parts of the page that changed, and disturbs nobody who reads or types.
(() => {
  "use strict";

  // at most so often, in milliseconds
  const EVERY = { progress: 1000, health: 4000, work: 10000, charts: 300000 };
  // not all who look ask in the same moment
  const SPREAD = { progress: 0, health: 1000, work: 4000, charts: 30000 };
  const OF_EVENT = { state: ["progress", "health", "work"], progress: ["progress"], health: ["health", "work"] };
  const SWAPPED = { progress: ["progress"], health: ["summary", "issue-list", "stream-list"], work: ["work"], charts: ["charts"] };
  const POLL = 30000;
  const AGING = 60000;
  const QUIET = 15000;
  const FRESH = 10000;

  const last = { charts: Date.now() };
  const timers = {};
  const heard = new WeakSet();
  let live = false;
  let announced = 0;

  const by = (id) => document.getElementById(id);

  // whoever is in the middle of something: what is chosen, typed, selected or sent would be lost
  const busy = (part) =>
    SWAPPED[part].some((id) => {
      const place = by(id);
      const at = document.activeElement;
      // the answer to a form finds its way by where the form is
      if (place.querySelector("form.htmx-request") !== null) return true;
      if (place.contains(at) && at.matches("select, input, textarea")) return true;
      if ([...place.querySelectorAll("select")].some((one) => one.selectedIndex > 0)) return true;
      const selection = document.getSelection();
      return selection !== null && !selection.isCollapsed && place.contains(selection.anchorNode);
    });

  const refresh = (part) => {
    if (timers[part] !== undefined) return;
    const wait = Math.max(0, (last[part] ?? 0) + EVERY[part] - Date.now()) + Math.random() * SPREAD[part];
    timers[part] = setTimeout(() => {
      timers[part] = undefined;
      last[part] = Date.now();
      if (document.hidden) return;
      if (busy(part)) refresh(part);
      else htmx.trigger(by(part), "refresh");
    }, wait);
  };

  const all = () => Object.keys(EVERY).forEach(refresh);

  const connected = (is) => {
    live = is;
    const sign = by("connection");
    const text = is ? sign.dataset.live : sign.dataset.lost;
    sign.hidden = false;
    sign.classList.toggle("is-live", is);
    if (sign.textContent !== text) sign.textContent = text;
  };

  document.addEventListener("htmx:sseOpen", (event) => {
    const source = event.detail.source;
    connected(true);
    if (heard.has(source)) return;
    heard.add(source);
    for (const [name, parts] of Object.entries(OF_EVENT)) {
      source.addEventListener(name, () => {
        // of a page that has just come only what moves fast has changed
        const fresh = name === "state" && performance.now() < FRESH;
        (fresh ? ["progress"] : parts).forEach(refresh);
      });
    }
  });
  document.addEventListener("htmx:sseError", () => connected(false));

  setInterval(() => {
    if (!live) all();
  }, POLL);
  setInterval(() => {
    if (live) all();
  }, AGING);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) all();
  });

  // what is open stays open
  const keepOpen = (from, to) => {
    for (const one of from.querySelectorAll("details[open]")) {
      const same = one.id && to.querySelector(`#${CSS.escape(one.id)}`);
      if (same) same.open = true;
      const figure = one.closest("figure");
      const twin = figure && to.querySelector(`#${CSS.escape(figure.id)} details`);
      if (twin) twin.open = true;
    }
  };
  // where the reader is: how far tables are scrolled, and what has the focus
  let place = null;
  const remember = (target) => {
    const at = document.activeElement;
    place = {
      scrolls: [...target.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]),
      focus: target.contains(at) && at.id ? at.id : null,
    };
  };
  const restore = (target) => {
    if (place === null) return;
    [...target.querySelectorAll(".scroll")].forEach((one, number) => {
      const [left, top] = place.scrolls[number] ?? [0, 0];
      one.scrollLeft = left;
      one.scrollTop = top;
    });
    if (place.focus !== null && document.activeElement?.id !== place.focus) {
      by(place.focus)?.focus({ preventScroll: true });
    }
    place = null;
  };

  // a part that nobody asked for waits until nobody is in the middle of something there
  let part = null;
  let verdict = "";
  let old = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, target, xhr, requestConfig } = event.detail;
    part = null;
    old = null;
    if (xhr.status >= 400) {
      // a refusal says why, in words of its own
      event.detail.shouldSwap = xhr.getResponseHeader("content-type")?.startsWith("text/html") === true;
      event.detail.isError = false;
      event.detail.swapOverride = "none";
      return;
    }
    const asked = requestConfig?.elt ?? elt;
    if (asked.id in SWAPPED) part = asked.id;
    if (part !== null && busy(part)) {
      event.detail.shouldSwap = false;
      refresh(part);
    } else if (part !== null && SWAPPED[part].includes(target.id)) {
      old = target.cloneNode(true);
      remember(target);
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (old === null) return;
    keepOpen(old, event.detail.target);
    restore(event.detail.target);
    old = null;
  });
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    keepOpen(event.detail.target, event.detail.fragment);
    remember(event.detail.target);
    verdict = by("verdict")?.textContent ?? "";
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    restore(event.detail.target);
    const now = by("verdict")?.textContent ?? "";
    if (event.detail.target.id === "summary" && now !== verdict && Date.now() - announced > QUIET) {
      announced = Date.now();
      by("announcer").textContent = now;
    }
  });

  // who has done something goes on from there
  document.addEventListener("htmx:afterRequest", (event) => {
    const then = (event.detail.requestConfig?.elt ?? event.detail.elt).dataset?.then;
    if (then !== undefined && (document.activeElement === document.body || document.activeElement === null)) {
      (by(then) ?? by("issues-title")).focus({ preventScroll: true });
    }
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.elt.dataset?.then !== undefined) {
      const told = by("told");
      told.className = "told went-wrong";
      told.textContent = "The server cannot be reached.";
    }
  });
})();
