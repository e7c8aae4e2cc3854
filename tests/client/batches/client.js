'use strict'

// What a device needs to hand in what it did offline: no framework, nothing but fetch.
// The types are those that `syncwell types --lang typescript -o syncwell.ts` writes; nothing needs them at run time.

/** @typedef {import('./syncwell.js').BatchRequest} BatchRequest */
/** @typedef {import('./syncwell.js').BatchAnswer} BatchAnswer */
/** @typedef {import('./syncwell.js').JsonValue} JsonValue */
/** @typedef {{ [name: string]: JsonValue }} Document */
/** @typedef {NonNullable<BatchAnswer['rejections']>} Rejections */
/**
 * @typedef {object} Options
 * @property {string} url
 * @property {() => string | Promise<string>} token
 * @property {string} deviceId
 * @property {import('./syncwell.js').Platform} [platform]
 * @property {number} [slice] how many rows a batch has at most
 * @property {typeof globalThis.fetch} [fetch]
 * @property {(seconds: number) => Promise<unknown>} [wait]
 */

/** The server will not take this, however often it is sent. `problem` is its answer (RFC 9457). */
class Refused extends Error {
  /** @param {{ title: string, [name: string]: JsonValue }} problem */
  constructor(problem) {
    super(problem.title)
    this.problem = problem
  }
}

const AGAIN = new Set([401, 408, 409, 429])
/** @param {number} seconds */
const pause = (seconds) => new Promise((go) => setTimeout(go, 1000 * seconds))

/**
 * Hands in batches until the server says that it has them. An answer that is lost costs nothing but a second try: what
 * is there already is not stored again.
 *
 *   const client = new Client({ url: 'https://sync.example', token: () => session.token, deviceId })
 *   await client.readings('IHHT_1736300000_ab12', [{ occurred_at: Date.now(), spo2: 93, heart_rate: 71 }])
 *   const end = await client.complete('IHHT_1736300000_ab12', { ended_at: Date.now(), expected: { reading: 1 } })
 *   if (end.synced) drop(end.safelyStored) // once end.keepUntil has passed
 */
class Client {
  /** @param {Options} options */
  constructor({ url, token, deviceId, platform, slice = 500, fetch = globalThis.fetch, wait = pause }) {
    this.url = url
    this.token = token
    this.deviceId = deviceId
    this.platform = platform
    this.slice = slice
    this.fetch = fetch
    this.wait = wait
  }

  /**
   * The answer to one batch: {synced, status, …}. Throws `Refused`.
   * @param {BatchRequest} batch
   * @returns {Promise<BatchAnswer>}
   */
  async batch(batch) {
    const body = JSON.stringify({ deviceId: this.deviceId, client: { platform: this.platform }, ...batch })
    for (let attempt = 0; ; attempt += 1) {
      const headers = { authorization: `Bearer ${await this.token()}`, 'content-type': 'application/json' }
      const answer = await this.fetch(`${this.url}/sync/batch`, { method: 'POST', headers, body }).catch(() => null)
      // a body that is cut off is an answer that was lost
      const told = answer && (await answer.json().catch(() => null))
      if (told && answer.ok) return told
      if (told && answer.status < 500 && !AGAIN.has(answer.status)) throw new Refused(told)
      const asked = Number(answer?.headers.get('retry-after') ?? 0)
      await this.wait(Math.max(asked, Math.min(2 ** attempt, 60)) * (0.5 + Math.random() / 2))
    }
  }

  /**
   * Rows in slices; the rows that the server can't take, with their positions in `rows`.
   * @param {BatchRequest['type']} type
   * @param {Document[]} rows
   * @param {Partial<BatchRequest>} more
   */
  async rows(type, rows, more) {
    /** @type {Rejections} */
    const rejections = []
    for (let start = 0; start < rows.length; start += this.slice) {
      const answer = await this.batch({ type, data: rows.slice(start, start + this.slice), ...more })
      rejections.push(...(answer.rejections ?? []).map((row) => ({ ...row, position: start + row.position })))
    }
    return rejections
  }

  /** @param {Document} document */
  session(document) { return this.batch({ type: 'session', data: document }) }
  /** @param {string} sessionId @param {Document[]} rows */
  readings(sessionId, rows) { return this.rows('readings', rows, { sessionId }) }
  /** @param {BatchRequest['type']} type @param {string} sessionId @param {Document[]} rows */
  records(type, sessionId, rows) { return this.rows(type, rows, { sessionId }) }
  /** @param {string} source @param {Document[]} rows */
  events(source, rows) { return this.rows('events', rows, { source }) }
  /** @param {string} sessionId @param {Document} end */
  complete(sessionId, end = {}) { return this.batch({ type: 'complete', sessionId, data: end }) }
}

module.exports = { Client, Refused }
