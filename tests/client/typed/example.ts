// What a phone does with the types of its own database: hand in a session, read what became of it, follow its runs.

import { SyncwellClient, SyncwellError } from "./syncwell.js"
import type { HealthStatus, Returns, Row, RunStatus, SyncEvent } from "./syncwell.js"

export type Told = {
  synced: boolean
  again: string
  sessions: Returns<"get_recent_sessions">
  run: string | null
  runs: [RunStatus | null, number | null][]
  rows: Pick<Row<"sync_events">, "id" | "status" | "platform">[]
  health: { [source: string]: HealthStatus | null }
  pulled: number
  pushed: number
  wouldAdd: number
  refused: { code: string | null; kind: string | null; status: number }[]
}

/** What is refused, and why. */
async function refusal(call: Promise<unknown>): Promise<{ code: string | null; kind: string | null; status: number }> {
  try {
    await call
  } catch (error) {
    if (error instanceof SyncwellError) return { code: error.code, kind: error.kind, status: error.status }
    throw error
  }
  throw new Error("it was not refused")
}

export async function day(client: SyncwellClient, start: number): Promise<Told> {
  const name = "IHHT_1736300000_ab12"
  const session = { type: "session", data: { local_id: name, started_at: start, data_source: "bluetooth" } } as const
  await client.batch({ type: "readings", sessionId: name, data: [{ occurred_at: start + 1000, spo2: 93 }] })
  const first = await client.batch(session)
  const again = await client.batch(session)

  const begun = await client.rpc("record_sync_start", { p_source: "notes", p_sync_type: "full", p_platform: "ios" })
  await client.rpc("record_sync_complete", {
    p_event_id: begun.event_id,
    p_lease: begun.lease,
    p_items_processed: 3,
  })
  const runs = await client.rpc("get_recent_sync_events", { p_source: "notes", p_status: "success" })
  const rows = await client.select("sync_events", { source: "eq.notes" })
  const health = await client.rpc("get_sync_health_status")

  const pull = await client.pull({ deviceId: "phone" })
  const push = await client.push({
    changes: { todos: { created: [{ id: "t1", title: "typed" }] } },
    lastPulledAt: pull.timestamp,
    deviceId: "phone",
  })
  const preview = await client.preview({ current: [], incoming: [{ id: 1 }, { id: 2 }] })

  return {
    synced: first.synced,
    again: again.status,
    sessions: await client.rpc("get_recent_sessions", { p_limit: 5 }),
    run: begun.event_id,
    runs: runs.map((run) => [run.status, run.items_processed]),
    rows: rows.map(({ id, status, platform }) => ({ id, status, platform })),
    health: Object.fromEntries(health.map((one) => [one.source ?? "", one.status])),
    pulled: Object.keys(pull.changes).length,
    pushed: push.stats?.created ?? 0,
    wouldAdd: preview.delta.new.length,
    refused: [
      await refusal(client.rpc("cancel_sync_run", { p_event_id: "00000000-0000-0000-0000-000000000000" })),
      await refusal(client.rpc("get_recent_sync_events", { p_limit: 0 })),
      await refusal(client.rpc("sync_push", { p_changes: { todos: { created: [{ id: "t2" }] } } })),
      await refusal(client.batch({ type: "complete", sessionId: "nobody-knows-it" })),
      await refusal(client.pull({ limit: 0 })),
    ],
  }
}

/** The first so many events. */
export async function follow(client: SyncwellClient, count: number, silence: number): Promise<SyncEvent[]> {
  const told: SyncEvent[] = []
  for await (const event of client.events("/sync/events", { retry: 0.01, silence })) {
    told.push(event)
    if (told.length === count) break
  }
  return told
}

// What follows is here for the compiler alone: each line must be refused.
export function mistakes(client: SyncwellClient): unknown[] {
  return [
    // @ts-expect-error there is no such function
    client.rpc("get_recent_sync_event"),
    // @ts-expect-error there is no such argument
    client.rpc("get_recent_sync_events", { source: "notes" }),
    // @ts-expect-error it must be given
    client.rpc("record_sync_start"),
    // @ts-expect-error there is no such value
    client.rpc("record_sync_start", { p_source: "notes", p_sync_type: "partial" }),
    // @ts-expect-error a number is no text
    client.rpc("record_sync_start", { p_source: 7 }),
    // @ts-expect-error a default that is no null is left out, or given
    client.rpc("get_recent_sync_events", { p_limit: null }),
    // @ts-expect-error an internal function is nobody's to call
    client.rpc("_caller"),
    // @ts-expect-error there is no such table
    client.select("logins"),
    // @ts-expect-error details are no columns of it
    client.select("sync_events").then((rows) => rows.map((row) => row.error_message)),
    // @ts-expect-error a result may be unknown
    client.rpc("get_recent_sync_events").then((rows) => rows.map((row) => row.status.length)),
    // @ts-expect-error there is no such kind of batch
    client.batch({ type: "thoughts" }),
  ]
}
