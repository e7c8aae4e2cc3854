'use strict'

// The journal's client: WatermelonDB in plain Node. In an app only openJournal() differs (the adapter of the platform).

const { Database, Model, appSchema, tableSchema } = require('@nozbe/watermelondb')
const { addColumns, createTable, schemaMigrations } = require('@nozbe/watermelondb/Schema/migrations')
const { synchronize } = require('@nozbe/watermelondb/sync')

// The columns as the server sends them; '?' where they may be null. Times are milliseconds since 1970, dates are text,
// arrays and JSON are JSON text. user_id is not here: the server knows whose records these are.
const TIMES = { created_at: 'number', updated_at: 'number' }
const TABLES = {
  user_profile: {
    display_name: 'string', time_zone: 'string', birthday: 'string?', onboarding_completed: 'boolean',
    notifications: 'string', ...TIMES,
  },
  user_progress: {
    current_streak: 'number', longest_streak: 'number', points: 'number', achievements: 'string',
    last_practised_on: 'string?', ...TIMES,
  },
  friends: {
    name: 'string', nickname: 'string?', tier: 'string', birthday: 'string?', is_favourite: 'boolean',
    reminder_every_days: 'number?', tags: 'string', notes: 'string?', last_contact_at: 'number?', ...TIMES,
  },
  interactions: {
    kind: 'string', title: 'string', happened_at: 'number?', duration_minutes: 'number?', mood: 'number?',
    place: 'string?', notes: 'string?', is_planned: 'boolean', ...TIMES,
  },
  intentions: { title: 'string', description: 'string?', status: 'string', due_on: 'string?', ...TIMES },
  life_events: {
    friend_id: 'string?', kind: 'string', title: 'string', happens_on: 'string?', is_annual: 'boolean',
    importance: 'number', ...TIMES,
  },
  interaction_friends: { interaction_id: 'string', friend_id: 'string', ...TIMES },
  intention_friends: { intention_id: 'string', friend_id: 'string', ...TIMES },
  journal_entries: {
    friend_id: 'string?', title: 'string?', body: 'string', words: 'number', mood: 'number?', written_at: 'number?',
    ...TIMES,
  },
}
// version 2 of the app brought a table and a column: devices that update get them filled by one migration sync
const ADDED_TABLES = {
  weekly_reflections: { week_start: 'string?', rating: 'number?', gratitude: 'string?', highlights: 'string', ...TIMES },
}
const ADDED_COLUMNS = { friends: { closeness: 'number' } }

// A new record's values; what is left out is '', 0, false or null, which is no valid JSON text and no valid tier.
const DEFAULTS = {
  user_profile: { time_zone: 'UTC', notifications: '{}' },
  user_progress: { achievements: '[]' },
  friends: { tier: 'community', tags: '[]' },
  intentions: { status: 'open' },
  weekly_reflections: { highlights: '[]' },
}

const columnsOf = (columns) =>
  Object.entries(columns).map(([name, type]) => ({
    name, type: type.replace('?', ''), isOptional: type.endsWith('?'), isIndexed: name.endsWith('_id'),
  }))

/** The schema of version 1 or 2 of the app, and how a database comes from the one to the other. */
function schemaOf(version) {
  const tables = version === 1 ? { ...TABLES } : { ...TABLES, ...ADDED_TABLES }
  if (version > 1) tables.friends = { ...tables.friends, ...ADDED_COLUMNS.friends }
  const steps = [
    ...Object.entries(ADDED_TABLES).map(([name, columns]) => createTable({ name, columns: columnsOf(columns) })),
    ...Object.entries(ADDED_COLUMNS).map(([table, columns]) => addColumns({ table, columns: columnsOf(columns) })),
  ]
  return {
    schema: appSchema({
      version,
      tables: Object.entries(tables).map(([name, columns]) => tableSchema({ name, columns: columnsOf(columns) })),
    }),
    migrations: schemaMigrations({ migrations: version === 1 ? [] : [{ toVersion: 2, steps }] }),
  }
}

// In an app these are classes with @field, @date, @json and @relation decorators; plain Node has no decorators.
function modelOf(table, columns) {
  class Row extends Model {
    static table = table
  }
  for (const name of Object.keys(columns)) {
    Object.defineProperty(Row.prototype, name, {
      get() { return this._getRaw(name) },
      set(value) { this._setRaw(name, value) },
    })
  }
  return Row
}

function makeAdapter(kind, options) {
  if (kind === 'sqlite') {
    const SQLiteAdapter = require('@nozbe/watermelondb/adapters/sqlite').default
    return new SQLiteAdapter(options)
  }
  const LokiJSAdapter = require('@nozbe/watermelondb/adapters/lokijs').default
  const { LokiMemoryAdapter } = require('lokijs')
  return new LokiJSAdapter({
    ...options,
    useWebWorker: false,
    useIncrementalIndexedDB: true,
    // Node has no IndexedDB, and a timer that saves would keep the process alive
    _testLokiAdapter: new LokiMemoryAdapter(),
    extraLokiOptions: { autosave: false, verbose: false },
  })
}

/** A device's database: `adapter` 'lokijs' (in memory) or 'sqlite' (`dbName` is the file, ':memory:' for none). */
function openJournal({ adapter = 'lokijs', dbName = ':memory:', version = 2 } = {}) {
  return databaseOn(makeAdapter(adapter, { ...schemaOf(version), dbName }))
}

function databaseOn(adapter) {
  const modelClasses = Object.values(adapter.schema.tables).map((table) => modelOf(table.name, table.columns))
  return new Database({ adapter, modelClasses })
}

/** A new record, to be called inside of database.write(). */
function create(database, table, { id, ...values }) {
  return database.get(table).create((row) => {
    if (id) row._raw.id = id
    const now = Date.now()
    Object.assign(row, { created_at: now, updated_at: now, ...DEFAULTS[table], ...values })
  })
}

class SyncError extends Error {}

async function call({ url, token, fetch = globalThis.fetch }, path, body) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  // refusals are problem JSON (RFC 9457): title, detail, hint, code
  if (!response.ok) throw Object.assign(new SyncError(answer.title), { status: response.status, answer })
  return answer
}

/**
 * Pull, then push what is dirty; once more if that fails, as after a conflict: the second pull brings what was missing.
 * With `sendCreatedAsUpdated` nothing that the server sends can surprise the client (README.md says more).
 */
async function sync(database, server, { sendCreatedAsUpdated = true } = {}) {
  let report
  const once = () =>
    synchronize({
      database,
      sendCreatedAsUpdated,
      migrationsEnabledAtVersion: 1,
      // hand on the whole answer, not only changes and timestamp: a replacement is ordered in `experimentalStrategy`
      pullChanges: (state) => pull(database, server, state, sendCreatedAsUpdated),
      pushChanges: ({ changes, lastPulledAt }) =>
        call(server, '/sync/push', { changes, lastPulledAt, deviceId: server.deviceId }),
      onDidPullChanges: (answer) => { report = answer },
    })
  try {
    await once()
  } catch {
    await once()
  }
  return report
}

function pull(database, server, { lastPulledAt, schemaVersion, migration }, sendCreatedAsUpdated) {
  return call(server, '/sync/pull', {
    lastPulledAt, schemaVersion, migration, sendCreatedAsUpdated, deviceId: server.deviceId,
    // the tables that this version of the app knows; leave out the ones that stay on the device
    tables: Object.keys(database.schema.tables),
  })
}

module.exports = { openJournal, databaseOn, schemaOf, create, pull, sync, call, SyncError }
