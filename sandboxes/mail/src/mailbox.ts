import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What the SMTP conversation said; the headers inside the message may say something else. */
export interface StoredMail {
  readonly id: number
  readonly receivedAt: string
  readonly from: string
  readonly to: readonly string[]
  /** Octets of the raw message. */
  readonly size: number
}

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

interface Segment {
  readonly path: string
  bytes: number
  /** Messages ever written to it, and those of them still listed. */
  written: number
  listed: number
}

interface Entry extends StoredMail {
  readonly segment: Segment
  readonly offset: number
}

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
  const { segments, entries, nextId: firstId } = await load(dir)
  let nextId = firstId
  let file: FileHandle | undefined
  let pending: Pending[] = []
  let work: Promise<void> = Promise.resolve()

  const totalBytes = () => segments.reduce((sum, segment) => sum + segment.bytes, 0)

  async function trim(): Promise<void> {
    while (entries.length > limits.maxMessages || (totalBytes() > limits.maxBytes && entries.length > 1)) {
      const oldest = entries.shift()
      if (!oldest) return
      oldest.segment.listed--
      if (oldest.segment.listed > 0 || oldest.segment === segments.at(-1)) continue
      segments.splice(segments.indexOf(oldest.segment), 1)
      await rm(oldest.segment.path, { force: true })
    }
  }

  async function currentSegment(firstMailId: number): Promise<{ segment: Segment; file: FileHandle }> {
    const last = segments.at(-1)
    if (last && file && last.bytes < SEGMENT_BYTES && last.written < SEGMENT_MESSAGES)
      return { segment: last, file }
    await file?.close()
    const segment: Segment = { path: segmentPath(dir, firstMailId), bytes: 0, written: 0, listed: 0 }
    file = await open(segment.path, 'a')
    segments.push(segment)
    return { segment, file }
  }

  async function flush(): Promise<void> {
    const batch = pending
    pending = []
    const first = batch[0]
    if (!first) return
    try {
      const { segment, file } = await currentSegment(first.mail.id)
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
      entries.push(...added)
      for (const { mail, resolve } of batch) resolve(mail)
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    await trim()
  }

  const locate = (id: number): Entry | undefined => {
    let low = 0
    let high = entries.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const entry = entries[middle]
      if (!entry || entry.id === id) return entry
      if (entry.id < id) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  await trim()
  return {
    append(envelope, raw) {
      const mail: StoredMail = {
        id: nextId++,
        receivedAt: new Date().toISOString(),
        from: envelope.from,
        to: envelope.to,
        size: raw.length,
      }
      return new Promise((resolve, reject) => {
        pending.push({ mail, raw, resolve, reject })
        if (pending.length === 1) work = work.then(flush)
      })
    },
    list(filter) {
      const wanted = filter.to?.toLowerCase()
      const found: StoredMail[] = []
      for (let index = entries.length - 1; index >= 0 && found.length < (filter.limit ?? Infinity); index--) {
        const entry = entries[index]
        if (!entry || (filter.after !== undefined && entry.id <= filter.after)) break
        if (filter.before !== undefined && entry.id >= filter.before) continue
        if (wanted !== undefined && !entry.to.some(address => address.toLowerCase() === wanted)) continue
        found.push(visible(entry))
      }
      return found
    },
    find(id) {
      const entry = locate(id)
      return entry && visible(entry)
    },
    async raw(id, maxBytes = Infinity) {
      const entry = locate(id)
      return entry && readAt(entry.segment.path, entry.offset, Math.min(entry.size, maxBytes))
    },
    clear() {
      work = work.then(async () => {
        await file?.close()
        file = undefined
        for (const segment of segments) await rm(segment.path, { force: true })
        segments.length = 0
        entries.length = 0
        // An empty segment remembers the next id, so that ids never repeat across a restart.
        await currentSegment(nextId)
      })
      return work
    },
    async close() {
      await work
      await file?.close()
      file = undefined
    },
  }
}

const NEWLINE = Buffer.from('\n')

function visible(entry: Entry): StoredMail {
  const { id, receivedAt, from, to, size } = entry
  return { id, receivedAt, from, to, size }
}

function segmentPath(dir: string, firstId: number): string {
  return join(dir, `${String(firstId).padStart(12, '0')}.mail`)
}

async function readAt(path: string, offset: number, length: number): Promise<Buffer | undefined> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    const buffer = Buffer.alloc(length)
    const { bytesRead } = await file.read(buffer, 0, length, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function load(dir: string): Promise<{ segments: Segment[]; entries: Entry[]; nextId: number }> {
  const names = (await readdir(dir)).filter(name => /^\d{12}\.mail$/.test(name)).sort()
  const segments: Segment[] = []
  const entries: Entry[] = []
  let nextId = 1
  for (const name of names) {
    nextId = Math.max(nextId, Number.parseInt(name, 10))
    const path = join(dir, name)
    const content = await readFile(path)
    const segment: Segment = { path, bytes: content.length, written: 0, listed: 0 }
    for (const entry of scan(content, segment)) {
      entries.push(entry)
      nextId = Math.max(nextId, entry.id + 1)
    }
    segment.written = segment.listed
    if (segment.listed > 0) segments.push(segment)
    else await rm(path)
  }
  return { segments, entries, nextId }
}

/** Stops at the first record that is not whole: what a killed process left at the end of its last segment. */
function* scan(content: Buffer, segment: Segment): Generator<Entry> {
  let at = 0
  while (at < content.length) {
    const lineEnd = content.indexOf(10, at)
    if (lineEnd < 0) return
    let mail: StoredMail
    try {
      mail = JSON.parse(content.toString('utf8', at, lineEnd)) as StoredMail
    } catch {
      return
    }
    const offset = lineEnd + 1
    if (offset + mail.size + 1 > content.length) return
    segment.listed++
    yield { ...visible({ ...mail, segment, offset }), segment, offset }
    at = offset + mail.size + 1
  }
}
