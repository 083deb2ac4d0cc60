import { createLane } from '@storewright/postgres/lane'
import type { Database } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import { messageIdHeader, retryDelayMs, type SendOutcome, stateAfter } from './domain.ts'
import { type ClaimedMessage, claimDue, type Finished, finishMessages } from './store.ts'
import { type MailTransport, SMTP_CONNECTIONS } from './transport.ts'

export interface Sender {
  /** Looks for due messages at once. */
  wake(): void
  /** Waits for the messages under way. */
  stop(): Promise<void>
}

export interface RenderedMail {
  readonly subject: string
  readonly html: string
  readonly text: string
}

export interface SenderOptions {
  readonly database: Database
  readonly transport: MailTransport
  /** Of the Message-IDs. */
  readonly domain: string
  readonly render: (message: ClaimedMessage) => RenderedMail
  readonly log: Logger
  readonly pollMs?: number
  readonly leaseMs?: number
}

/** Twice the connections: each finds its next message waiting. */
const IN_FLIGHT_MAX = 2 * SMTP_CONNECTIONS
/** Longer than a message can take: a wait in the pool and one in the server, each cut off after a minute or so. */
const LEASE_MS = 5 * 60_000
/** The poll finds retries that have come due and messages another process has queued. */
const POLL_MS = 1000

/** Sends what is due, a bounded number at a time, until stopped. Any number of processes may run one. */
export function startSender(options: SenderOptions): Sender {
  const { database, transport, log } = options
  const leaseMs = options.leaseMs ?? LEASE_MS
  const inFlight = new Set<Promise<void>>()
  const results = createLane<Finished, void>({
    name: 'notification.finish',
    maxItems: 200,
    run: async items => {
      await finishMessages(database, items)
      return items.map(() => undefined)
    },
  })
  let stopped = false
  let woken = false
  let claiming: Promise<void> | undefined

  function wake(): void {
    woken = true
    if (claiming || stopped) return
    claiming = claim().finally(() => {
      claiming = undefined
      if (woken && !stopped && inFlight.size <= IN_FLIGHT_MAX / 2) wake()
    })
  }

  async function claim(): Promise<void> {
    try {
      while (woken && !stopped) {
        const room = IN_FLIGHT_MAX - inFlight.size
        // Half a load at a time; whoever finishes wakes again.
        if (room < IN_FLIGHT_MAX / 2) return
        woken = false
        const messages = await claimDue(database, room, leaseMs)
        if (messages.length > 0) woken = true
        for (const message of messages) start(message)
      }
    } catch (error) {
      woken = false // the poll tries again
      log.warn({ err: error }, 'due messages could not be read')
    }
  }

  function start(message: ClaimedMessage): void {
    const work = sendOne(message).then(() => {
      inFlight.delete(work)
      if (woken) wake()
    })
    inFlight.add(work)
  }

  async function sendOne(message: ClaimedMessage): Promise<void> {
    const outcome = await trySending(message)
    const state = stateAfter(outcome, message.waitedMs)
    const error = outcome.kind === 'sent' ? null : outcome.error
    const retryInMs = state === 'queued' ? retryDelayMs(message.attempts, Math.random()) : 0
    if (error)
      log.warn({ messageId: message.id, state, attempts: message.attempts, error }, 'message not sent')
    try {
      await results.submit({ id: message.id, epoch: message.epoch, state, error, retryInMs })
    } catch (failure) {
      // The lease runs out and it is sent again, under the same Message-ID.
      log.warn({ err: failure, messageId: message.id }, 'the result of a message could not be stored')
    }
  }

  async function trySending(message: ClaimedMessage): Promise<SendOutcome> {
    let mail: RenderedMail
    try {
      mail = options.render(message)
    } catch (error) {
      return { kind: 'permanent', error: error instanceof Error ? error.message : String(error) }
    }
    const messageId = messageIdHeader(message, options.domain)
    return transport.send({ to: message.recipient, messageId, ...mail })
  }

  const timer = setInterval(wake, options.pollMs ?? POLL_MS)
  wake()
  return {
    wake,
    async stop() {
      stopped = true
      clearInterval(timer)
      await claiming
      await Promise.all(inFlight)
      await results.close()
      transport.close()
    },
  }
}
