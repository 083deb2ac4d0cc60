import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { httpClient } from './client.ts'
import { systemContext } from './context.ts'
import { isRefusal, problemOf } from './refusal.ts'
import { tokenKeys } from './token.ts'

type Client = { run(input: object, options: { context: ReturnType<typeof systemContext> }): Promise<unknown> }

/** What a call to an address ends with that answers every request like this; status 0 cuts the connection. */
async function errorOf(status: number, body: string): Promise<unknown> {
  const server = createServer((request, response) => {
    if (status === 0) request.socket.destroy()
    else response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = httpClient('payment', url, tokenKeys(['a secret of the tests'])) as Client
  try {
    return await client.run({}, { context: systemContext('test') }).then(
      () => assert.fail('an answer'),
      error => error,
    )
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const at = { instance: '/', traceId: 't' }

for (const [what, status, body] of [
  ['a proxy that knows no such address', 404, '<html>not found</html>'],
  ['a service that does not accept our token', 401, '{"error":"a valid service token is needed"}'],
  ['a service without the operation', 404, '{"error":"no such operation"}'],
  ['a proxy without the service', 502, ''],
  ['a cut connection', 0, ''],
] as const)
  test(`${what} is a fault to be asked again, not a refusal`, async () => {
    const error = await errorOf(status, body)
    assert.equal(isRefusal(error), false, String(error))
    assert.equal(problemOf(error, at).status, 503)
  })

test('what the service itself refuses stays its refusal', async () => {
  const json = { defined: true, code: 'payment-state', status: 409, message: 'no', data: { state: 'voided' } }
  const error = await errorOf(409, JSON.stringify({ json, meta: [] }))
  assert.ok(isRefusal(error))
  assert.equal(problemOf(error, at).code, 'payment-state')
})
