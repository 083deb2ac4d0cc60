import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  /** Status line and headers as received. */
  readonly head: string
  /** As sent: still compressed when the head says so. */
  readonly body: Buffer
}

export interface HttpConnection {
  send(method: string, path: string, headers?: string, body?: string): Promise<HttpAnswer>
  close(): void
}

export interface HttpTarget {
  /** The Host header; the connection itself goes to the loopback address. */
  readonly host: string
  readonly port: number
}

/** A stuck answer must not hold the whole run. */
const ANSWER_TIMEOUT_MS = 30_000
const HEAD_END = Buffer.from('\r\n\r\n')
const EMPTY = Buffer.alloc(0)

/**
 * One keep-alive HTTP/1.1 connection with one request in flight, as a browser behind a proxy holds it. The generator
 * shares the cores with what it measures: this costs about a third of undici's time per request, and a fifth of
 * fetch's. `headers` are lines that each end with CRLF; a body is JSON unless they say otherwise.
 */
export function openConnection(target: HttpTarget): HttpConnection {
  let socket: Socket | undefined
  let pending: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | undefined
  let received: Buffer = EMPTY
  let waitsForBytes = 0

  function fail(error: Error): void {
    socket?.destroy()
    socket = undefined
    received = EMPTY
    const failed = pending
    pending = undefined
    failed?.reject(error)
  }

  async function open(): Promise<Socket> {
    const opened = connect({ host: '127.0.0.1', port: target.port, noDelay: true })
    await once(opened, 'connect')
    opened.setTimeout(ANSWER_TIMEOUT_MS)
    opened.on('timeout', () => {
      if (pending) fail(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`))
    })
    opened.on('error', fail)
    opened.on('close', () => {
      if (socket === opened) fail(new Error('the connection was closed before the answer was complete'))
    })
    opened.on('data', take)
    return opened
  }

  function take(chunk: Buffer): void {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    if (received.length < waitsForBytes) return
    const parsed = parseAnswer(received)
    if ('needs' in parsed) {
      waitsForBytes = parsed.needs
      return
    }
    received = EMPTY
    waitsForBytes = 0
    const answered = pending
    pending = undefined
    if (/\r\nconnection: close/i.test(parsed.head)) {
      const closing = socket
      socket = undefined
      closing?.destroy()
    }
    answered?.resolve(parsed)
  }

  return {
    async send(method, path, headers = '', body) {
      socket ??= await open()
      const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
      const isTyped = body === undefined || headers.includes('content-type: ')
      const type = isTyped ? '' : 'content-type: application/json\r\n'
      const answer = new Promise<HttpAnswer>((resolve, reject) => {
        pending = { resolve, reject }
      })
      socket.write(
        `${method} ${path} HTTP/1.1\r\nhost: ${target.host}\r\n${headers}${type}${length}\r\n${body ?? ''}`,
      )
      return answer
    },
    close() {
      const closing = socket
      socket = undefined
      closing?.destroy()
    },
  }
}

/** `needs`: at least so many bytes must be there before looking again is worth while. */
function parseAnswer(bytes: Buffer): HttpAnswer | { needs: number } {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return { needs: bytes.length + 1 }
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  const start = headEnd + HEAD_END.length
  if (status === 204 || status === 304) return { status, head, body: EMPTY }
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = start + Number(length)
    return bytes.length < end ? { needs: end } : { status, head, body: bytes.subarray(start, end) }
  }
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) throw new Error(`an answer of unknown length: ${head}`)
  const body = joinChunks(bytes, start)
  return body ? { status, head, body } : { needs: bytes.length + 1 }
}

/** Undefined while the last chunk is missing. */
function joinChunks(bytes: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size
    if (bytes.length < end + 2) return undefined
    if (size === 0) return Buffer.concat(parts)
    parts.push(bytes.subarray(lineEnd + 2, end))
    at = end + 2
  }
}
