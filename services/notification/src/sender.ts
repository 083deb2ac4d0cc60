import { createLane, type Lane } from '@storewright/postgres/lane'
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
/** Longer than a message can take: a wait in the pool and one in the server, each cut off after half a minute or so. */
const LEASE_MS = 90_000
/** The poll finds retries that have come due and messages another process has queued. */
const POLL_MS = 1000

/** Sends what is due, a bounded number at a time, until stopped. Any number of processes may run one. */
export function startSender(options: SenderOptions): Sender {
  return new SendingLoop(options)
}

class SendingLoop implements Sender {
  readonly #options: SenderOptions
  readonly #results: Lane<Finished, void>
  readonly #inFlight = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
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
    this.#timer = setInterval(() => this.wake(), options.pollMs ?? POLL_MS)
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
    await Promise.all(this.#inFlight)
    await this.#results.close()
    this.#options.transport.close()
  }

  /** Half a load at a time: fewer, larger claims. */
  #hasRoom(): boolean {
    return this.#inFlight.size <= IN_FLIGHT_MAX / 2
  }

  async #claim(): Promise<void> {
    const { database, leaseMs = LEASE_MS, log } = this.#options
    try {
      while (this.#woken && !this.#stopped && this.#hasRoom()) {
        this.#woken = false
        const messages = await claimDue(database, IN_FLIGHT_MAX - this.#inFlight.size, leaseMs)
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
      this.#inFlight.delete(work)
      if (this.#woken) this.wake()
    })
    this.#inFlight.add(work)
  }

  async #send(message: ClaimedMessage): Promise<void> {
    const { log } = this.#options
    const outcome = await this.#trySending(message)
    const state = stateAfter(outcome, message.waitedMs)
    const error = outcome.kind === 'sent' ? null : outcome.error
    const retryInMs = state === 'queued' ? retryDelayMs(message.attempts, Math.random()) : 0
    if (error)
      log.warn({ messageId: message.id, state, attempts: message.attempts, error }, 'message not sent')
    try {
      await this.#results.submit({ id: message.id, epoch: message.epoch, state, error, retryInMs })
    } catch (failure) {
      // The lease runs out and it is sent again, under the same Message-ID.
      log.warn({ err: failure, messageId: message.id }, 'the result of a message could not be stored')
    }
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
