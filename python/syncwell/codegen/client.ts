export type FunctionName = keyof Functions
export type Args<F extends FunctionName> = Functions[F]["args"]
export type Returns<F extends FunctionName> = Functions[F]["returns"]
export type RelationName = keyof Relations
export type Row<R extends RelationName> = Relations[R]

/** A refusal: of PostgREST, of `syncwell serve`, or of a function that remembers what it refused. */
export class SyncwellError extends Error {
  override readonly name = "SyncwellError"
  /** What HTTP answered. */
  readonly status: number
  /** The SQLSTATE, or a code of PostgREST's own; null: the answer has none. */
  readonly code: SqlState | (string & {}) | null
  readonly detail: string | null
  readonly hint: string | null
  /** When it is worth another try, in seconds; null: the answer does not say. */
  readonly retryAfter: number | null
  /** The whole answer. */
  readonly document: JsonValue

  constructor(
    message: string, status: number, code: string | null, detail: string | null, hint: string | null,
    retryAfter: number | null, document: JsonValue,
  ) {
    super(message)
    this.status = status
    this.code = code
    this.detail = detail
    this.hint = hint
    this.retryAfter = retryAfter
    this.document = document
  }

  /** The name of an error of syncwell's own; null: it is none. */
  get kind(): ErrorName | null {
    return this.code !== null && isSqlState(this.code) ? sqlStates[this.code].name : null
  }
}

export function isSqlState(code: string): code is SqlState {
  return Object.prototype.hasOwnProperty.call(sqlStates, code)
}

/** A record as it is synced: columns, and a text `id`. */
export type SyncedRecord = { id: string; [column: string]: JsonValue }
export type TableChanges = { created: SyncedRecord[]; updated: SyncedRecord[]; deleted: string[] }
export type Changes = { [table: string]: TableChanges }
/** What a device says of itself. */
export type ClientFacts = { platform?: string; appVersion?: string; networkType?: string; networkQuality?: string }
export type ChangeCounts = { created: number; updated: number; deleted: number }

export type PullRequest = {
  lastPulledAt?: number | null
  schemaVersion?: number | null
  migration?: { [name: string]: JsonValue } | null
  tables?: string[] | null
  deviceId?: string | null
  limit?: number | null
  sendCreatedAsUpdated?: boolean
  client?: ClientFacts
}
export type PullAnswer = {
  changes: Changes
  /** The cursor to pull from, and to push under, next time; not a time. */
  timestamp: number
  experimentalStrategy?: JsonValue
  stats?: { [table: string]: ChangeCounts }
  message?: string
  serverTime: string
  hasMore?: boolean
  ignored?: JsonValue[]
}
export type PushRequest = {
  changes: { [table: string]: Partial<TableChanges> }
  lastPulledAt?: number | null
  deviceId?: string | null
  requestId?: string | null
  client?: ClientFacts
}
export type PushAnswer = {
  success: true
  stats?: ChangeCounts
  conflicts?: { table: string; id: string; outcome: string }[]
  quarantined?: { table: string; id: string | null; reason: string }[]
  ignored?: JsonValue
  requestId?: string | null
  [more: string]: JsonValue | undefined
}
export type BatchRequest = {
  type:
    | "session" | "reading" | "readings" | "survey_pre" | "survey_inter" | "survey_post" | "progression"
    | "adaptive_event" | "adaptive_events" | "event" | "events" | "complete"
  data?: JsonValue
  sessionId?: string
  source?: string
  deviceId?: string
  strict?: boolean
  client?: ClientFacts
}
export type BatchAnswer = {
  /** Whether all of it is on the server. */
  synced: boolean
  status: "synced" | "already_synced" | "partial" | "refused"
  rejections?: { position: number; reason: string; detail: string; kind?: string }[]
  safelyStored?: string[]
  keepUntil?: string
  [more: string]: JsonValue | undefined
}
export type Comparison = {
  current: JsonValue[]
  incoming: JsonValue[]
  key?: string
  syncType?: string
  syncId?: string
  /** How long it is kept, in seconds. */
  ttl?: number
}
export type PreviewAnswer = {
  previewId: string
  cacheKey: string
  computedAt: string
  expiresAt: string
  fromCache: boolean
  delta: {
    new: { [name: string]: JsonValue }[]
    updated: { id: JsonValue; old_data: { [name: string]: JsonValue }; new_data: { [name: string]: JsonValue } }[]
    deleted: { [name: string]: JsonValue }[]
    statistics?: { [name: string]: number }
  }
}

/** An event of `GET /sync/events`: its name, and its data as JSON (as text, where it is no JSON). */
export type SyncEvent = { event: string; data: JsonValue; id: string }

export type Options = {
  /** Where `syncwell serve` answers, for pull, push, batch, preview and events. */
  server?: string
  /** Where PostgREST answers, for rpc and select; of Supabase `https://….supabase.co/rest/v1`. */
  rest?: string
  /** The bearer token, asked for before each request; null: none. */
  token?: () => string | null | Promise<string | null>
  /** Further headers, such as Supabase's `apikey`. */
  headers?: { [name: string]: string }
  fetch?: typeof globalThis.fetch
}
export type EventOptions = {
  signal?: AbortSignal
  /** After how many seconds of silence the connection counts as lost. */
  silence?: number
  /** How long to wait before the next try, in seconds, at first; it doubles, up to a minute. */
  retry?: number
}

/** An argument list: what has nothing that must be given may be left out. */
export type Given<T> = {} extends T ? [args?: T, signal?: AbortSignal] : [args: T, signal?: AbortSignal]

const SCHEMA = "syncwell"
const LONGEST = 60

export class SyncwellClient {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Call a function by named arguments, through PostgREST. */
  async rpc<F extends FunctionName>(name: F, ...[args, signal]: Given<Args<F>>): Promise<Returns<F>> {
    const url = `${base(this.options.rest, "rest")}/rpc/${encodeURIComponent(name)}`
    const headers = { "content-profile": SCHEMA }
    // what the catalog says is what comes
    return (await this.post(url, args ?? {}, headers, signal)) as Returns<F>
  }

  /** Rows of a table or view, through PostgREST; `where`: its filters, as `{ status: "eq.failed", limit: "10" }`. */
  async select<R extends RelationName>(
    relation: R, where: { [name: string]: string } = {}, signal?: AbortSignal,
  ): Promise<Row<R>[]> {
    const names: readonly string[] = columns[relation]
    const select = names.map((name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`))
    const query = new URLSearchParams({ select: select.join(","), ...where })
    const url = `${base(this.options.rest, "rest")}/${encodeURIComponent(relation)}?${query}`
    return (await this.read(await this.send(url, { headers: { "accept-profile": SCHEMA } }, signal))) as Row<R>[]
  }

  pull(request: PullRequest = {}, signal?: AbortSignal): Promise<PullAnswer> {
    return this.serve("/sync/pull", request, signal)
  }

  push(request: PushRequest, signal?: AbortSignal): Promise<PushAnswer> {
    return this.serve("/sync/push", request, signal)
  }

  batch(request: BatchRequest, signal?: AbortSignal): Promise<BatchAnswer> {
    return this.serve("/sync/batch", request, signal)
  }

  /** What a push would change, conflicts included, or what would become of an integration's records. */
  preview(request: Comparison, signal?: AbortSignal): Promise<PreviewAnswer>
  preview(request: PushRequest, signal?: AbortSignal): Promise<PushAnswer>
  preview(request: Comparison | PushRequest, signal?: AbortSignal): Promise<PreviewAnswer | PushAnswer> {
    return this.serve("/sync/preview", request, signal)
  }

  /**
   * The events of `GET /sync/events`, for as long as they are asked for: a connection that is lost is made again, and
   * the server begins each with the full state. A refusal that another try would not change is thrown.
   */
  async *events(path = "/sync/events", options: EventOptions = {}): AsyncGenerator<SyncEvent, void, undefined> {
    const url = `${base(this.options.server, "server")}${path}`
    const { signal, silence = 60 } = options
    let first = options.retry ?? 1
    let wait = first
    let last = ""
    while (!signal?.aborted) {
      const attempt = new AbortController()
      const stop = (): void => attempt.abort()
      signal?.addEventListener("abort", stop, { once: true })
      const watch = watchdog(silence, stop)
      try {
        const headers = { accept: "text/event-stream", "cache-control": "no-store", ...(last && { "last-event-id": last }) }
        const answer = await this.send(url, { headers }, attempt.signal)
        if (!answer.ok) await this.read(answer)
        // the server has no more to say, now or ever
        if (answer.status === 204 || answer.body === null) return
        for await (const told of parsed(answer.body, watch.feed)) {
          if (told.retry !== undefined) first = wait = told.retry / 1000
          else {
            wait = first
            last = told.id
            yield { event: told.event, data: json(told.data), id: told.id }
          }
        }
      } catch (error) {
        if (signal?.aborted) return
        if (error instanceof SyncwellError) {
          if (!isTemporary(error.status)) throw error
          wait = Math.max(wait, error.retryAfter ?? 0)
        }
      } finally {
        watch.end()
        signal?.removeEventListener("abort", stop)
        attempt.abort()
      }
      await pause(wait * (0.5 + Math.random() / 2), signal)
      wait = Math.min(Math.max(wait, 0.1) * 2, LONGEST)
    }
  }

  private async serve<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
    return (await this.post(`${base(this.options.server, "server")}${path}`, body, {}, signal)) as T
  }

  private async post(
    url: string, body: object, headers: { [name: string]: string }, signal?: AbortSignal,
  ): Promise<JsonValue> {
    const request = {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    }
    return this.read(await this.send(url, request, signal))
  }

  private async send(
    url: string, request: { method?: string; headers: { [name: string]: string }; body?: string }, signal?: AbortSignal,
  ): Promise<Response> {
    const token = (await this.options.token?.()) ?? null
    const headers = {
      accept: "application/json",
      ...this.options.headers,
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...request.headers,
    }
    const call = this.options.fetch ?? globalThis.fetch
    return call(url, { ...request, headers, signal: signal ?? null })
  }

  /** The answer's document, or its refusal thrown. */
  private async read(answer: Response): Promise<JsonValue> {
    const text = await answer.text()
    if (answer.ok) return text === "" ? null : (JSON.parse(text) as JsonValue)
    const document = json(text)
    const told = isObject(document) ? document : {}
    const error = isObject(told["error"]) ? told["error"] : told
    const after = Number(answer.headers.get("retry-after") ?? Number.NaN)
    throw new SyncwellError(
      string(error["message"]) ?? string(error["title"]) ?? (answer.statusText || `HTTP ${answer.status}`),
      answer.status,
      string(error["code"]),
      string(error["detail"]) ?? string(error["details"]),
      string(error["hint"]),
      Number.isFinite(after) ? after : null,
      document,
    )
  }
}

function base(url: string | undefined, name: string): string {
  if (url === undefined) throw new TypeError(`this client was made without the option ${name}`)
  return url.replace(/\/+$/, "")
}

function isTemporary(status: number): boolean {
  return status >= 500 || status === 401 || status === 408 || status === 409 || status === 429
}

function isObject(value: JsonValue | undefined): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function string(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value : null
}

function json(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}

function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((go) => {
    if (signal?.aborted) return go()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", done)
      go()
    }
    const timer = setTimeout(done, 1000 * seconds)
    signal?.addEventListener("abort", done, { once: true })
  })
}

function watchdog(seconds: number, bark: () => void): { feed: () => void; end: () => void } {
  let timer = setTimeout(bark, 1000 * seconds)
  return {
    feed: () => {
      clearTimeout(timer)
      timer = setTimeout(bark, 1000 * seconds)
    },
    end: () => clearTimeout(timer),
  }
}

type Told = { retry: number } | { retry?: undefined; event: string; data: string; id: string }

/** Server-sent events as the standard has them: an event that is cut off never happened. */
async function* parsed(body: ReadableStream<Uint8Array>, feed: () => void): AsyncGenerator<Told, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ""
  let event = ""
  let data: string[] = []
  let id = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      feed()
      rest += decoder.decode(value, { stream: true })
      for (;;) {
        const end = /\r\n|\n|\r(?=[^])/.exec(rest)
        if (end === null) break
        const line = rest.slice(0, end.index)
        rest = rest.slice(end.index + end[0].length)
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n"), id }
          event = ""
          data = []
          continue
        }
        const colon = line.indexOf(":")
        const name = colon < 0 ? line : line.slice(0, colon)
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
        if (name === "data") data.push(text)
        else if (name === "event") event = text
        else if (name === "id" && !text.includes("\0")) id = text
        else if (name === "retry" && /^\d+$/.test(text)) yield { retry: Number(text) }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
