import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import type { paymentContract } from '@storewright/payment/contract'
import { paymentService } from '@storewright/payment/service'
import { asSystem, refusalOf, startTestService } from '@storewright/rpc/testing'
import { startStripeSandbox } from '@storewright/sandbox-stripe/sandbox'
import { CARDS, payWithoutBrowser } from '../harness/payment-page.ts'
import { hasGo, startStripeMock } from '../harness/stripe-mock.ts'

const SECRET_KEY = 'sk_test_requests'
const EUR = (amount: number) => ({ amount, currency: 'EUR' as const })

test("every request of the payment service is one that Stripe's own mock accepts", {
  skip: hasGo ? false : 'stripe-mock is a Go module, and there is no go here',
  timeout: 180_000,
}, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'stripe-requests-'))
  const sandbox = await startStripeSandbox({ port: 0, dir, secretKey: SECRET_KEY })
  await using mock = await startStripeMock()
  const judged: Judged[] = []
  const fork = await startFork(sandbox.url, mock.url, judged)
  const under = await startTestService<typeof paymentContract, typeof paymentService.needs>(paymentService, {
    needs: {},
    config: {
      STRIPE_SECRET_KEY: SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: 'whsec_requests',
      STRIPE_API_URL: `http://127.0.0.1:${(fork.address() as AddressInfo).port}`,
    },
  })
  const { client } = under
  const open = () =>
    client.openPaymentPage(
      {
        checkoutId: newId('checkout'),
        attempt: 1,
        amount: EUR(2400),
        email: 'ada@example.com',
        lines: [{ title: 'Halo Vase', detail: 'Large', unitPrice: EUR(1200), quantity: 2 }],
        returnUrl: 'https://shop.test/checkout/1',
        leaveUrl: 'https://shop.test/checkout/1?left=1',
      },
      asSystem(),
    )
  try {
    const paid = await open()
    await payWithoutBrowser(paid.page.url, CARDS.visa)
    await client.syncPayment({ checkoutId: paid.payment.checkoutId, attempt: 1 }, asSystem())
    const { paymentId } = paid.payment
    await client.capturePayment({ paymentId, amount: EUR(2000) }, asSystem())
    const refund = { paymentId, amount: EUR(500), reason: 'came back' }
    await client.refundPayment(refund, asSystem({ idempotencyKey: 'once' }))
    const left = await open()
    await client.closePaymentPage({ checkoutId: left.payment.checkoutId, attempt: 1 }, asSystem())
    const voided = await open()
    await payWithoutBrowser(voided.page.url, CARDS.visa)
    await client.voidPayment({ checkoutId: voided.payment.checkoutId, attempt: 1 }, asSystem())
    const confirm = (paymentToken: string) => {
      const attempt = { checkoutId: newId('checkout'), attempt: 1 }
      const returnUrl = 'https://shop.test/checkout/1'
      return client.confirmPayment({ ...attempt, amount: EUR(2400), paymentToken, returnUrl }, asSystem())
    }
    await confirm('pm_card_visa')
    const secure = await confirm('pm_card_threeDSecure2Required')
    await client.closePaymentPage({ checkoutId: secure.payment.checkoutId, attempt: 1 }, asSystem())
    assert.equal(await refusalOf(confirm('pm_card_visa_chargeDeclined')), 'payment-declined')
  } finally {
    await under.stop()
    fork.close()
    await sandbox.stop()
    await rm(dir, { recursive: true, force: true })
  }
  const kinds = new Set(judged.map(({ request }) => request.replace(/_test_\w+|(?<=\/[a-z]{2}_)\w+/g, '…')))
  for (const path of ['checkout/sessions', 'capture', 'confirm', 'cancel', 'expire', 'refunds'])
    assert.ok(
      [...kinds].some(kind => kind.includes(path)),
      `no request to ${path} was judged`,
    )
  assert.deepEqual(
    judged.filter(({ status }) => status >= 400),
    [],
  )
})

interface Judged {
  readonly request: string
  readonly status: number
  readonly answer: string
}

/** Sends each request to the sandbox, whose answer counts, and to the mock, whose opinion is kept. */
async function startFork(sandboxUrl: string, mockUrl: string, judged: Judged[]): Promise<Server> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers
    const init = {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    }
    const [answer, opinion] = await Promise.all([
      fetch(sandboxUrl + request.url, init),
      fetch(mockUrl + request.url, init),
    ])
    const words = await opinion.text()
    const name = `${request.method} ${request.url}`
    judged.push({ request: name, status: opinion.status, answer: opinion.ok ? '' : words })
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
