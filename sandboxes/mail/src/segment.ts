import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises'
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

/** One append-only file: for each message a line of JSON (the envelope), the raw octets, a line end. */
export interface Segment {
  readonly path: string
  bytes: number
  /** Messages ever written to it, and those of them still listed. */
  written: number
  listed: number
}

export interface Entry extends StoredMail {
  readonly segment: Segment
  readonly offset: number
}

export function visible(entry: Entry): StoredMail {
  const { id, receivedAt, from, to, size } = entry
  return { id, receivedAt, from, to, size }
}

export function segmentPath(dir: string, firstId: number): string {
  return join(dir, `${String(firstId).padStart(12, '0')}.mail`)
}

export async function readAt(path: string, offset: number, length: number): Promise<Buffer | undefined> {
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

export interface Loaded {
  readonly segments: Segment[]
  readonly entries: Entry[]
  readonly nextId: number
}

export async function loadSegments(dir: string): Promise<Loaded> {
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
