import { EdgeRefusal, invalidField } from './edge-refusals.ts'

/** No operation's input nests deeper than about six; parsers and validators below recurse. */
const DEPTH_MAX = 32

/** Above any real query (a cursor of 500 characters included) and below what a proxy would pass. */
const QUERY_PARAMETERS_MAX = 50

/**
 * The parameters of a query string. Each name once: which of two the reader means must not depend on who reads.
 * Names are taken literally; `limit[]` is just an unknown field.
 */
export function readQuery(search: string): Record<string, string> {
  const input: Record<string, string> = {}
  if (search.length <= 1) return input
  const parts = search.slice(1).split('&')
  if (parts.length > QUERY_PARAMETERS_MAX)
    throw invalidField('query', `must hold at most ${QUERY_PARAMETERS_MAX} parameters`)
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decodeQuery(equals < 0 ? part : part.slice(0, equals), 'query')
    assertKey(name, name || 'query')
    if (Object.hasOwn(input, name)) throw invalidField(name, 'is given more than once')
    input[name] = equals < 0 ? '' : decodeQuery(part.slice(equals + 1), name)
  }
  return input
}

function decodeQuery(text: string, field: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw invalidField(field, 'is not valid percent-encoded UTF-8')
  }
}

/** The JSON object in a request's body; `{}` without a body. */
export async function readJsonObject(
  request: Request,
  limits: { maxBytes: number; timeoutMs: number },
): Promise<Record<string, unknown>> {
  const bytes = await readBytes(request, limits)
  if (bytes.length === 0) return {}
  const type = request.headers.get('content-type')
  if (!type || !JSON_TYPE.test(type) || request.headers.has('content-encoding'))
    throw new EdgeRefusal('unsupported-media-type')
  const value = parse(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidField('body', 'must be a JSON object')
  return value as Record<string, unknown>
}

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** The body as it came, for those who verify a signature over it. */
export async function readText(
  request: Request,
  limits: { maxBytes: number; timeoutMs: number },
): Promise<string> {
  return decode(await readBytes(request, limits))
}

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw invalidField('body', 'is not valid UTF-8')
  }
}

function parse(bytes: Uint8Array): unknown {
  const text = decode(bytes)
  try {
    return JSON.parse(text)
  } catch {
    throw invalidField('body', 'is not valid JSON')
  }
}

const NOTHING = new Uint8Array(0)

async function readBytes(
  request: Request,
  limits: { maxBytes: number; timeoutMs: number },
): Promise<Uint8Array> {
  const declared = request.headers.get('content-length')
  if (declared === '0') return NOTHING
  if (declared && Number(declared) > limits.maxBytes) throw tooLarge(limits.maxBytes)
  // Not `request.body` first: on Node's server reading it builds a whole second request.
  if (!declared && !request.headers.has('transfer-encoding') && !request.body) return NOTHING
  const call = { isOver: false }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, limits.timeoutMs, 'late')
  })
  try {
    const reading = declared
      ? request.arrayBuffer().then(buffer => new Uint8Array(buffer))
      : readStream(request, limits.maxBytes, call)
    const outcome = await Promise.race([reading, late])
    if (outcome === 'late') {
      reading.catch(() => {}) // the connection is given up; nobody waits for it any more
      throw new EdgeRefusal('request-timeout', { headers: { connection: 'close' } })
    }
    if (outcome.length > limits.maxBytes) throw tooLarge(limits.maxBytes)
    return outcome
  } finally {
    call.isOver = true
    clearTimeout(timer)
  }
}

/** Counts while reading: a chunked body says nothing about its length beforehand. */
async function readStream(
  request: Request,
  maxBytes: number,
  call: { isOver: boolean },
): Promise<Uint8Array> {
  const reader = request.body?.getReader()
  if (!reader) return NOTHING
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    size += value.length
    if (size > maxBytes || call.isOver) {
      reader.cancel().catch(() => {})
      throw tooLarge(maxBytes)
    }
    chunks.push(value)
  }
}

function tooLarge(maxBytes: number): EdgeRefusal {
  return new EdgeRefusal('body-too-large', {
    detail: `The body may hold at most ${maxBytes} bytes here.`,
    headers: { connection: 'close' },
  })
}

/**
 * Refuses what no service must ever see: NUL (Postgres takes none in text), lone surrogates (not storable as
 * UTF-8), `__proto__`, and bottomless nesting.
 */
export function assertClean(value: unknown, path = '', depth = 0): void {
  if (typeof value === 'string') assertText(value, path || 'body')
  else if (typeof value === 'object' && value !== null) {
    if (depth >= DEPTH_MAX) throw invalidField('body', `must not be nested deeper than ${DEPTH_MAX} levels`)
    for (const [key, part] of Object.entries(value)) {
      const field = path ? `${path}.${key}` : key
      assertKey(key, field)
      assertClean(part, field, depth + 1)
    }
  }
}

function assertKey(key: string, field: string): void {
  if (key === '') throw invalidField(field || 'body', 'must not hold an empty name')
  if (key === '__proto__') throw invalidField(field, 'is not a field of this request')
  assertText(key, printable(field))
}

function assertText(text: string, field: string): void {
  if (text.includes('\0')) throw invalidField(field, 'must not hold the NUL character')
  if (!text.isWellFormed()) throw invalidField(field, 'must be well-formed Unicode')
}

/** A field's name goes back to the caller; the character that it is refused for does not. */
function printable(name: string): string {
  return name.toWellFormed().replaceAll('\0', '\u2400')
}
