import { setTimeout as sleep } from 'node:timers/promises'
import type { Id } from '@storewright/kernel/ids'
import { isConnectionFailure } from '@storewright/postgres/errors'
import { createLane, type Lane } from '@storewright/postgres/lane'
import type { Database } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import { messageIdHeader, retryDelayMs, type SendOutcome, stateAfter } from './domain.ts'
import { type ClaimedMessage, claimDue, type Finished, finishMessages, renewClaims } from './store.ts'
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
/** Renewed while a message is under way, however slow its server: what a dead process had is sent this much later. */
const LEASE_MS = 15_000
/** Between tries to store a result while the database is away. */
const STORE_RETRY_MS = 250
/** The poll finds retries that have come due and messages another process has queued. */
const POLL_MS = 1000

/** Sends what is due, a bounded number at a time, until stopped. Any number of processes may run one. */
export function startSender(options: SenderOptions): Sender {
  return new SendingLoop(options)
}

class SendingLoop implements Sender {
  readonly #options: SenderOptions
  readonly #results: Lane<Finished, void>
  readonly #inFlight = new Map<Id<'message'>, { message: ClaimedMessage; work: Promise<void> }>()
  readonly #timer: NodeJS.Timeout
  readonly #renewal: NodeJS.Timeout
  readonly #leaseMs: number
  /** There may be due messages that have not been claimed. */
  #woken = false
  #stopped = false
  #claiming: Promise<void> | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#results = createLane({
      name: 'notification.finish',
      maxItems: 200,
      run: async items => {
        await finishMessages(options.database, items)
        return items.map(() => undefined)
      },
    })
    this.#leaseMs = options.leaseMs ?? LEASE_MS
    this.#timer = setInterval(() => this.wake(), options.pollMs ?? POLL_MS)
    this.#renewal = setInterval(() => void this.#renew(), this.#leaseMs / 3)
    this.wake()
  }

  wake(): void {
    this.#woken = true
    if (this.#claiming || this.#stopped) return
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = undefined
      if (this.#woken && !this.#stopped && this.#hasRoom()) this.wake()
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#claiming
    await Promise.all([...this.#inFlight.values()].map(({ work }) => work))
    clearInterval(this.#renewal)
    await this.#results.close()
    this.#options.transport.close()
  }

  /** Half a load at a time: fewer, larger claims. */
  #hasRoom(): boolean {
    return this.#inFlight.size <= IN_FLIGHT_MAX / 2
  }

  async #claim(): Promise<void> {
    const { database, log } = this.#options
    try {
      while (this.#woken && !this.#stopped && this.#hasRoom()) {
        this.#woken = false
        const messages = await claimDue(database, {
          limit: IN_FLIGHT_MAX - this.#inFlight.size,
          leaseMs: this.#leaseMs,
          // Ours may look due when the database was away for longer than a lease.
          except: [...this.#inFlight.keys()],
        })
        if (messages.length > 0) this.#woken = true
        for (const message of messages) this.#start(message)
      }
    } catch (error) {
      this.#woken = false // the poll tries again
      log.warn({ err: error }, 'due messages could not be read')
    }
  }

  #start(message: ClaimedMessage): void {
    const work = this.#send(message).then(() => {
      this.#inFlight.delete(message.id)
      if (this.#woken) this.wake()
    })
    this.#inFlight.set(message.id, { message, work })
  }

  async #send(message: ClaimedMessage): Promise<void> {
    const { log } = this.#options
    const outcome = await this.#trySending(message)
    const state = stateAfter(outcome, message.waitedMs)
    const error = outcome.kind === 'sent' ? null : outcome.error
    const retryInMs = state === 'queued' ? retryDelayMs(message.attempts, Math.random()) : 0
    if (error)
      log.warn({ messageId: message.id, state, attempts: message.attempts, error }, 'message not sent')
    await this.#store({ id: message.id, epoch: message.epoch, state, error, retryInMs })
  }

  /** What is known is not forgotten because the database is away: an unstored result would send the mail again. */
  async #store(result: Finished): Promise<void> {
    const { log } = this.#options
    for (;;) {
      try {
        await this.#results.submit(result)
        return
      } catch (failure) {
        if (isConnectionFailure(failure) && !this.#stopped) {
          await sleep(STORE_RETRY_MS)
          continue
        }
        // The lease runs out and it is sent again, under the same Message-ID.
        log.warn({ err: failure, messageId: result.id }, 'the result of a message could not be stored')
        return
      }
    }
  }

  async #renew(): Promise<void> {
    const held = [...this.#inFlight.values()].map(({ message }) => message)
    if (held.length === 0) return
    await renewClaims(this.#options.database, held, this.#leaseMs).catch(error =>
      this.#options.log.warn({ err: error }, 'messages under way could not be kept; tried again'),
    )
  }

  async #trySending(message: ClaimedMessage): Promise<SendOutcome> {
    const { render, domain, transport } = this.#options
    let mail: RenderedMail
    try {
      mail = render(message)
    } catch (error) {
      return { kind: 'permanent', error: error instanceof Error ? error.message : String(error) }
    }
    return transport.send({ to: message.recipient, messageId: messageIdHeader(message, domain), ...mail })
  }
}
