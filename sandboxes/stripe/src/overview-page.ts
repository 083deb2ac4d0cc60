import { html } from 'hono/html'
import { formatAmount } from './currency.ts'
import type { Row } from './database.ts'
import { type Html, layout } from './layout.ts'
import type { StripeObject } from './objects.ts'
import type { PaymentIntent } from './payment-intents.ts'
import type { World } from './world.ts'

const SHOWN = 50

/** What happened, for people; read only. */
export function overviewPage(world: World): Html {
  const intents = world.objects.list<PaymentIntent>({ type: 'payment_intent' }, SHOWN)
  const events = world.objects.list<StripeObject & { created: number; type: string }>(
    { type: 'event' },
    SHOWN,
  )
  return layout(
    'Overview',
    html`<h1>What happened here</h1>
    <section class="sheet"><h2>Payments</h2>${
      intents.length === 0
        ? html`<p class="quiet">None yet.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Payments"><table>
      <thead><tr><th>Made</th><th>Amount</th><th>Status</th><th>Received</th><th>PaymentIntent</th><th>Metadata</th></tr></thead>
      <tbody>${intents.map(({ body }) => paymentRow(body))}</tbody></table></div>`
    }
    </section>
    <section class="sheet"><h2>Events and their deliveries</h2>${
      events.length === 0
        ? html`<p class="quiet">None yet.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Events"><table>
      <thead><tr><th>At</th><th>Type</th><th>Event</th><th>Delivery</th></tr></thead>
      <tbody>${events.map(({ body }) => eventRow(body, deliveriesOf(world, body.id)))}</tbody></table></div>`
    }
    </section>
    <p class="quiet">The sandbox's clock: ${time(world.now())}. The newest ${SHOWN} of each.</p>`,
  )
}

function paymentRow(intent: PaymentIntent): Html {
  return html`<tr><td class="number">${time(intent.created)}</td>
    <td class="number">${formatAmount(intent.amount, intent.currency)}</td><td>${intent.status}</td>
    <td class="number">${formatAmount(intent.amount_received, intent.currency)}</td><td><code>${intent.id}</code></td>
    <td>${Object.entries(intent.metadata).map(([key, value]) => html`<code>${key}: ${value}</code> `)}</td></tr>`
}

function eventRow(event: { created: number; type: string; id: string }, deliveries: readonly Row[]): Html {
  const each = deliveries.map(
    row =>
      `${row.state}${Number(row.attempts) > 1 ? ` (${row.attempts} attempts)` : ''}${row.answer && row.state !== 'delivered' ? `: ${row.answer}` : ''}`,
  )
  return html`<tr><td class="number">${time(event.created)}</td><td>${event.type}</td><td><code>${event.id}</code></td>
    <td>${each.length > 0 ? each.join(', ') : 'no endpoint'}</td></tr>`
}

function deliveriesOf(world: World, eventId: string): Row[] {
  return world.db.rows('SELECT state, attempts, answer FROM delivery WHERE event_id = ? ORDER BY id', eventId)
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
}
