import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createClients } from './client.ts'
import { forward, systemContext } from './context.ts'
import { operation } from './contract.ts'
import { implement } from './implement.ts'
import { createLogger } from './log.ts'
import { isRefusal, problemOf, refusalCode } from './refusal.ts'
import { listen, requestListener, serviceApp } from './serve.ts'
import type { RunningService } from './service.ts'
import { tokenKeys } from './token.ts'

const contract = {
  half: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ value: z.int() }))
    .output(z.object({ value: z.int() }))
    .errors({ odd: { status: 409, message: 'The value is odd.', data: z.object({ value: z.int() }) } }),
  who: operation.meta({ access: 'staff' }).output(z.object({ kind: z.string(), key: z.string().optional() })),
}

function start(): RunningService {
  const os = implement(contract)
  return {
    router: os.router({
      half: os.half.handler(({ input, errors }) => {
        if (input.value % 2) throw errors.odd({ data: { value: input.value } })
        return { value: input.value / 2 }
      }),
      who: os.who.handler(({ context }) => ({ kind: context.actor.kind, key: context.idempotencyKey })),
    }),
    ready: async () => {},
    stop: async () => {},
  }
}

for (const mode of ['local', 'http'] as const) {
  test(`a ${mode} client answers, refuses and guards alike`, async () => {
    const service = start()
    const keys = tokenKeys(['secret of a test'])
    const served =
      mode === 'http'
        ? await listen(
            requestListener(serviceApp('math', service, keys, createLogger({ level: 'silent' }))),
            {
              port: 0,
              host: '127.0.0.1',
            },
          )
        : undefined
    const config = served ? { MATH_URL: `http://127.0.0.1:${served.port}` } : {}
    const { math } = createClients({ math: contract }, { config, keys, find: () => service })
    try {
      assert.deepEqual(await math.half({ value: 8 }, { context: systemContext('test') }), { value: 4 })
      const refusal = await math.half({ value: 3 }, { context: systemContext('test') }).catch(error => error)
      assert.equal(refusalCode(refusal), 'odd')
      assert.deepEqual(refusal.data, { value: 3 })
      const bad = await math
        .half({ value: 'x' } as never, { context: systemContext('test') })
        .catch(error => error)
      assert.ok(isRefusal(bad))
      const problem = problemOf(bad, { instance: '/x', traceId: 't' })
      assert.equal(problem.code, 'invalid-input')
      assert.equal(problem.errors?.[0]?.field, 'value')
      const keyed = { ...systemContext('test'), idempotencyKey: 'k1' }
      assert.deepEqual(await math.who(undefined, { context: keyed }), { kind: 'system', key: 'k1' })
      const fromEdge = { ...systemContext('gateway'), actor: { kind: 'anonymous' } as const }
      assert.equal(
        refusalCode(await math.half({ value: 2 }, { context: fromEdge }).catch(error => error)),
        'forbidden',
      )
      assert.equal(
        refusalCode(await math.who(undefined, { context: fromEdge }).catch(error => error)),
        'forbidden',
      )
    } finally {
      await served?.close()
    }
  })
}

test('a service that runs by itself says when it cannot work now, and hides what else went wrong', async () => {
  const os = implement(contract)
  const faults: Record<number, Error> = {
    1: Object.assign(new Error('connect ECONNREFUSED 10.0.0.7'), { code: 'ECONNREFUSED' }),
    2: new DOMException('slow', 'TimeoutError'),
    3: new Error('column "x" does not exist'),
  }
  const broken: RunningService = {
    ...start(),
    router: os.router({
      half: os.half.handler(({ input }) => Promise.reject(faults[input.value])),
      who: os.who.handler(() => ({ kind: '' })),
    }),
  }
  const keys = tokenKeys(['secret of a test'])
  const app = serviceApp('math', broken, keys, createLogger({ level: 'silent' }))
  const served = await listen(requestListener(app), { port: 0, host: '127.0.0.1' })
  const config = { MATH_URL: `http://127.0.0.1:${served.port}` }
  const { math } = createClients({ math: contract }, { config, keys, find: () => undefined })
  try {
    for (const [value, status] of [
      [1, 503],
      [2, 504],
      [3, 500],
    ] as const) {
      const error = await math.half({ value }, { context: systemContext('test') }).catch(fault => fault)
      assert.equal(isRefusal(error), false)
      assert.equal(problemOf(error, { instance: '/', traceId: 't' }).status, status)
      assert.doesNotMatch(JSON.stringify(error), /10\.0\.0\.7|column/)
    }
  } finally {
    await served.close()
  }
})

test('a service that runs by itself refuses a call without a fitting token', async () => {
  const keys = tokenKeys(['one secret'])
  const app = serviceApp('math', start(), keys, createLogger({ level: 'silent' }))
  assert.equal((await app.request('/rpc/half', { method: 'POST', body: '{}' })).status, 401)
  const { signCall } = await import('./token.ts')
  const forOther = await signCall(keys, 'inventory', systemContext('test'))
  const forged = await signCall(tokenKeys(['another secret']), 'math', systemContext('test'))
  for (const token of [forOther, forged])
    assert.equal(
      (
        await app.request('/rpc/half', {
          method: 'POST',
          body: '{}',
          headers: { authorization: `Bearer ${token}` },
        })
      ).status,
      401,
    )
})

test('a call ends at its deadline, whether or not the service watches', async () => {
  const os = implement(contract)
  const stuck: RunningService = {
    ...start(),
    router: os.router({
      half: os.half.handler(() => new Promise(() => {})),
      who: os.who.handler(() => new Promise(() => {})),
    }),
  }
  const { math } = createClients(
    { math: contract },
    { config: {}, keys: tokenKeys(['k']), find: () => stuck },
  )
  await assert.rejects(math.half({ value: 2 }, forward(systemContext('test'), 'test', 20)), {
    name: 'TimeoutError',
  })
})
