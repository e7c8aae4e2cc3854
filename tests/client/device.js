'use strict'

// Devices for the tests: one JSON command a line on standard input, one JSON answer a line on standard output. What the
// client says to its log comes back with the answers: it only logs what it takes for a bug of the server.

const path = require('node:path')
const readline = require('node:readline')
const { hasUnsyncedChanges } = require('@nozbe/watermelondb/sync')
const { diagnoseSyncConsistency } = require('@nozbe/watermelondb/diagnostics')
const logger = require('@nozbe/watermelondb/utils/common/logger').default
const client = require(path.join(process.env.SYNCWELL_JOURNAL, 'client.js'))

const messages = []
const noticed = new Set(['warn', 'error'])
for (const level of ['debug', 'log', 'warn', 'error']) {
  logger[level] = (...parts) => { if (noticed.has(level)) messages.push(parts.map(String).join(' ')) }
}

/** mulberry32: the same numbers for the same seed. */
function numbers(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] }
}

const devices = new Map()

class Device {
  constructor({ name, url, token, adapter, version, dbName, sendCreatedAsUpdated = true }) {
    this.server = { url, token, deviceId: name, fetch: (...args) => this.fetch(...args) }
    this.flags = { sendCreatedAsUpdated }
    this.lose = () => false
    this.calls = []
    this.database = client.openJournal({ adapter, version, dbName })
  }

  /** The server has answered; what arrives is another matter. */
  async fetch(url, init) {
    const verb = url.endsWith('push') ? 'push' : 'pull'
    const call = { verb, request: init.body.length }
    this.calls.push(call)
    if (verb === 'push' && this.edit) await commands.update({ device: this, ...this.edit })
    const response = await fetch(url, init)
    const text = await response.text()
    Object.assign(call, { status: response.status, answer: text.length })
    if (this.keepText) call.text = text
    if (this.lose(verb)) {
      call.lost = true
      throw new Error('the answer was lost')
    }
    return new Response(text, { status: response.status, headers: response.headers })
  }

  sync() {
    return client.sync(this.database, this.server, this.flags)
  }

  get tables() {
    return Object.keys(this.database.schema.tables)
  }

  rows(table) {
    return this.database.get(table).query().fetch()
  }

  async dump() {
    const all = {}
    for (const table of this.tables) {
      all[table] = (await this.rows(table)).map((row) => ({ ...row._raw }))
    }
    return all
  }

  diagnose() {
    return diagnoseSyncConsistency({
      db: this.database,
      synchronize: () => this.sync(),
      pullChanges: async (state) =>
        (await client.pull(this.database, this.server, state, this.flags.sendCreatedAsUpdated)).changes,
    })
  }
}

const commands = {
  async open(options) {
    devices.set(options.name, new Device(options))
  },

  /** The app is closed and opened again, perhaps in a newer version. */
  async reopen({ device, version }) {
    const { underlyingAdapter } = device.database.adapter
    const { loki } = underlyingAdapter._driver ?? {}
    // what a timer does in a browser
    if (loki) await new Promise((resolve, reject) => loki.saveDatabase((error) => (error ? reject(error) : resolve())))
    device.database = client.databaseOn(await underlyingAdapter.testClone(client.schemaOf(version)))
  },

  create({ device, table, values }) {
    return device.database.write(async () => (await client.create(device.database, table, values)).id)
  },

  update({ device, table, id, values }) {
    return device.database.write(async () => {
      await (await device.database.get(table).find(id)).update((row) => Object.assign(row, values))
    })
  },

  delete({ device, table, id }) {
    return device.database.write(async () => (await device.database.get(table).find(id)).markAsDeleted())
  },

  /** One sync, with its retry; `lose` names the verbs whose answers get lost, `edit` an update made during the push. */
  async sync({ device, lose = [], keepText = false, edit }) {
    const losing = [...lose]
    device.calls = []
    device.keepText = keepText
    device.edit = edit
    device.lose = (verb) => {
      const at = losing.indexOf(verb)
      if (at >= 0) losing.splice(at, 1)
      return at >= 0
    }
    const answer = { ok: true }
    try {
      answer.report = await device.sync()
    } catch (error) {
      Object.assign(answer, { ok: false, error: error.message, status: error.status, problem: error.answer })
    }
    device.lose = () => false
    device.edit = null
    return { ...answer, calls: device.calls }
  },

  dump: ({ device }) => device.dump(),
  dirty: ({ device }) => hasUnsyncedChanges({ database: device.database }),
  diagnose: ({ device }) => device.diagnose(),
  pulled: ({ device }) => device.database.adapter.getLocal('__watermelon_last_pulled_at'),
  setPulled: ({ device, value }) => device.database.adapter.setLocal('__watermelon_last_pulled_at', String(value)),
  messages: () => messages.splice(0),

  /** Every device edits and syncs at the same time as all others, and loses answers. */
  async chaos({ seed, rounds, edits, loss }) {
    const counts = { synced: 0, failed: 0, lost: 0, calls: 0, errors: {} }
    await Promise.all(
      [...devices.values()].map(async (device, index) => {
        const random = numbers(seed * 1000 + index)
        device.lose = () => {
          const lost = random.next() < loss
          if (lost) counts.lost += 1
          return lost
        }
        for (let round = 0; round < rounds; round += 1) {
          for (let n = random.below(edits + 1); n > 0; n -= 1) await editSomething(device, random)
          device.calls = []
          try {
            await device.sync()
            counts.synced += 1
          } catch (error) {
            counts.failed += 1
            const what = `${error.status ?? 'lost'} ${error.message}`
            counts.errors[what] = (counts.errors[what] || 0) + 1
          }
          counts.calls += device.calls.length
        }
        device.lose = () => false
      }),
    )
    return counts
  },
}

const TEXTS = ['Mara', 'Jonas “J”', "O'Neil", 'Zoë', '友達', '', 'a\nb', '\\', '🍉', 'null']

async function editSomething(device, random) {
  const { database } = device
  await database.write(async () => {
    const table = random.pick(['friends', 'friends', 'interactions', 'life_events', 'interaction_friends'])
    const rows = await device.rows(table)
    const action = random.next()
    const old = rows.length ? random.pick(rows) : null
    if (old && action < 0.2) return removeWithLinks(device, old)
    if (old && action < 0.6 && table !== 'interaction_friends') {
      await old.update((row) => Object.assign(row, valuesFor(table, random)))
      return undefined
    }
    const values = valuesFor(table, random)
    if (table === 'interaction_friends') {
      const [friends, interactions] = [await device.rows('friends'), await device.rows('interactions')]
      if (!friends.length || !interactions.length) return undefined
      Object.assign(values, { friend_id: random.pick(friends).id, interaction_id: random.pick(interactions).id })
    }
    await client.create(database, table, values)
    return undefined
  })
}

/** As an app does it: the rows that hang on a deleted one are deleted with it. */
async function removeWithLinks(device, row) {
  const column = { friends: 'friend_id', interactions: 'interaction_id' }[row.table]
  if (column) {
    for (const link of await device.rows('interaction_friends')) {
      if (link._raw[column] === row.id) await link.markAsDeleted()
    }
  }
  if (row.table === 'friends') {
    for (const event of await device.rows('life_events')) {
      if (event.friend_id === row.id) await event.update((one) => { one.friend_id = null })
    }
  }
  await row.markAsDeleted()
}

function valuesFor(table, random) {
  switch (table) {
    case 'friends':
      return random.next() < 0.5
        ? { name: random.pick(TEXTS), closeness: random.below(100) / 10 }
        : { notes: random.pick([...TEXTS, null]), is_favourite: random.next() < 0.5, tags: random.pick(['[]', '["a"]']) }
    case 'interactions':
      return { title: random.pick(TEXTS), happened_at: 1.7e12 + random.below(1e9), mood: random.pick([null, 1, 2]) }
    case 'life_events':
      return { title: random.pick(TEXTS), importance: random.below(5), happens_on: random.pick([null, '2026-02-28']) }
    default:
      return {}
  }
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { command, ...rest } = JSON.parse(line)
  let answer
  try {
    if ('device' in rest) {
      if (!devices.has(rest.device)) throw new Error(`no device ${rest.device}`)
      rest.device = devices.get(rest.device)
    }
    answer = { value: (await commands[command](rest)) ?? null }
  } catch (error) {
    answer = { error: error.stack }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}).on('close', () => process.exit(0))

process.on('unhandledRejection', (error) => messages.push(`unhandled: ${error.stack}`))
