import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import {
  type Entry,
  type Loaded,
  loadSegments,
  readAt,
  type Segment,
  type StoredMail,
  segmentPath,
  visible,
} from './segment.ts'

export interface MailFilter {
  /** An envelope recipient, compared without case. */
  readonly to?: string
  /** Only messages received after this id. */
  readonly after?: number
  /** Only messages received before this id. */
  readonly before?: number
  readonly limit?: number
}

export interface Mailbox {
  /** Resolves once the message is written to the file. */
  append(envelope: { from: string; to: readonly string[] }, raw: Buffer): Promise<StoredMail>
  /** Newest first. */
  list(filter: MailFilter): StoredMail[]
  find(id: number): StoredMail | undefined
  raw(id: number, maxBytes?: number): Promise<Buffer | undefined>
  clear(): Promise<void>
  close(): Promise<void>
}

export interface MailboxLimits {
  /** The oldest messages go first when there are more than this. */
  readonly maxMessages: number
  /** Bytes on disk, all messages together. */
  readonly maxBytes: number
}

/** Ten thousand messages fill a page list nobody reads to its end; 512 MB stays below any laptop's patience. */
export const MAILBOX_LIMITS: MailboxLimits = { maxMessages: 10_000, maxBytes: 512 * 1024 * 1024 }

/** A segment is dropped whole, so its size is how coarse the disk bound is. */
const SEGMENT_MESSAGES = 1000
const SEGMENT_BYTES = 16 * 1024 * 1024

const NEWLINE = Buffer.from('\n')

interface Pending {
  readonly mail: StoredMail
  readonly raw: Buffer
  readonly resolve: (mail: StoredMail) => void
  readonly reject: (error: unknown) => void
}

/**
 * Messages in append-only segment files: a line of JSON (the envelope), then the raw octets. Messages that arrive
 * while a write is under way share the next one, which is what makes receiving cheap.
 */
export async function openMailbox(dir: string, limits: MailboxLimits = MAILBOX_LIMITS): Promise<Mailbox> {
  await mkdir(dir, { recursive: true })
  const mailbox = new FileMailbox(dir, limits, await loadSegments(dir))
  await mailbox.trim()
  return mailbox
}

class FileMailbox implements Mailbox {
  readonly #dir: string
  readonly #limits: MailboxLimits
  readonly #segments: Segment[]
  /** In order of id. */
  readonly #entries: Entry[]
  #nextId: number
  /** Of the last segment; a new process begins a new one. */
  #file: FileHandle | undefined
  #pending: Pending[] = []
  #work: Promise<void> = Promise.resolve()

  constructor(dir: string, limits: MailboxLimits, loaded: Loaded) {
    this.#dir = dir
    this.#limits = limits
    this.#segments = loaded.segments
    this.#entries = loaded.entries
    this.#nextId = loaded.nextId
  }

  append(envelope: { from: string; to: readonly string[] }, raw: Buffer): Promise<StoredMail> {
    const mail: StoredMail = {
      id: this.#nextId++,
      receivedAt: new Date().toISOString(),
      from: envelope.from,
      to: envelope.to,
      size: raw.length,
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ mail, raw, resolve, reject })
      if (this.#pending.length === 1) this.#work = this.#work.then(() => this.#flush())
    })
  }

  list(filter: MailFilter): StoredMail[] {
    const wanted = filter.to?.toLowerCase()
    const found: StoredMail[] = []
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index]
      if (!entry || found.length >= (filter.limit ?? Infinity)) break
      if (filter.after !== undefined && entry.id <= filter.after) break
      if (filter.before !== undefined && entry.id >= filter.before) continue
      if (wanted !== undefined && !entry.to.some(address => address.toLowerCase() === wanted)) continue
      found.push(visible(entry))
    }
    return found
  }

  find(id: number): StoredMail | undefined {
    const entry = this.#locate(id)
    return entry && visible(entry)
  }

  async raw(id: number, maxBytes = Infinity): Promise<Buffer | undefined> {
    const entry = this.#locate(id)
    return entry && readAt(entry.segment.path, entry.offset, Math.min(entry.size, maxBytes))
  }

  clear(): Promise<void> {
    this.#work = this.#work.then(async () => {
      await this.#file?.close()
      this.#file = undefined
      for (const segment of this.#segments) await rm(segment.path, { force: true })
      this.#segments.length = 0
      this.#entries.length = 0
      // An empty segment remembers the next id, so that ids never repeat across a restart.
      await this.#openSegment(this.#nextId)
    })
    return this.#work
  }

  async close(): Promise<void> {
    await this.#work
    await this.#file?.close()
    this.#file = undefined
  }

  async trim(): Promise<void> {
    const { maxMessages, maxBytes } = this.#limits
    const bytes = () => this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
    while (this.#entries.length > maxMessages || (this.#entries.length > 1 && bytes() > maxBytes)) {
      const oldest = this.#entries.shift()
      if (!oldest) return
      oldest.segment.listed--
      if (oldest.segment.listed > 0 || oldest.segment === this.#segments.at(-1)) continue
      this.#segments.splice(this.#segments.indexOf(oldest.segment), 1)
      await rm(oldest.segment.path, { force: true })
    }
  }

  async #flush(): Promise<void> {
    const batch = this.#pending
    this.#pending = []
    const first = batch[0]
    if (!first) return
    try {
      await this.#write(batch, await this.#openSegment(first.mail.id))
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    for (const { mail, resolve } of batch) resolve(mail)
    await this.trim()
  }

  async #write(batch: readonly Pending[], to: { segment: Segment; file: FileHandle }): Promise<void> {
    const { segment, file } = to
    const parts: Buffer[] = []
    const added: Entry[] = []
    let offset = segment.bytes
    for (const { mail, raw } of batch) {
      const head = Buffer.from(`${JSON.stringify(mail)}\n`)
      parts.push(head, raw, NEWLINE)
      added.push({ ...mail, segment, offset: offset + head.length })
      offset += head.length + raw.length + 1
    }
    await file.appendFile(Buffer.concat(parts))
    segment.bytes = offset
    segment.written += added.length
    segment.listed += added.length
    this.#entries.push(...added)
  }

  /** The segment to write to: the last one, or a new one named after its first message. */
  async #openSegment(firstId: number): Promise<{ segment: Segment; file: FileHandle }> {
    const last = this.#segments.at(-1)
    if (last && this.#file && last.bytes < SEGMENT_BYTES && last.written < SEGMENT_MESSAGES)
      return { segment: last, file: this.#file }
    await this.#file?.close()
    const segment: Segment = { path: segmentPath(this.#dir, firstId), bytes: 0, written: 0, listed: 0 }
    this.#file = await open(segment.path, 'a')
    this.#segments.push(segment)
    return { segment, file: this.#file }
  }

  #locate(id: number): Entry | undefined {
    let low = 0
    let high = this.#entries.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const entry = this.#entries[middle]
      if (!entry || entry.id === id) return entry
      if (entry.id < id) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }
}
