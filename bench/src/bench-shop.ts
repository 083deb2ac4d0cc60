import type { Database } from '@storewright/postgres/sql'
import { adminUrlOf, openAudit } from '../../tests/harness/audit.ts'
import { startPlatformProcess } from '../../tests/harness/platform-process.ts'
import { type Shopper, shopperWith } from '../../tests/harness/shopper.ts'
import type { HttpTarget } from './http-connection.ts'

/** The platform as `npm start` runs it, in a folder of its own: what is measured is what is shipped. */
export interface BenchShop {
  readonly pid: number
  readonly target: HttpTarget
  readonly staff: Shopper
  /** The `Authorization` header of staff. */
  readonly staffAuthorization: string
  /** The payment sandbox. */
  readonly stripeUrl: string
  readonly adminUrl: string
  /** Reads all schemas as the database's administrator. */
  readonly audit: Database
  /** Postgres settings that decide whether a commit is on the disk. */
  readonly durability: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** Nothing goes around the limits; they are configured higher, as an operator would. */
const RAISED_LIMITS = {
  RATE_LIMIT_READ: '1000000/s',
  RATE_LIMIT_WRITE: '1000000/s',
  RATE_LIMIT_CHECKOUT: '1000000/s',
}

/** What runs now; main.ts closes it when the bench is interrupted. */
export const closeOnInterrupt = new Set<() => Promise<unknown>>()

export async function openShop(): Promise<BenchShop> {
  const profiles = process.env.BENCH_PROFILES
  const platform = await startPlatformProcess({
    env: {
      ...RAISED_LIMITS,
      ...(profiles && { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${profiles}` }),
    },
  })
  const undo: (() => Promise<unknown>)[] = [platform.stop]
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      closeOnInterrupt.delete(close)
      for (const step of undo.reverse()) await step()
    })()
    return closing
  }
  closeOnInterrupt.add(close)
  try {
    const adminUrl = adminUrlOf(platform.dataDir)
    const audit = openAudit(adminUrl)
    undo.push(audit.close)
    const durability = await readDurability(audit)
    const staffAuthorization = `Bearer ${await claimStaffKey(platform.url, platform.adminLink)}`
    const { host, port } = new URL(platform.url)
    return {
      pid: platform.pid,
      target: { host, port: Number(port) },
      stripeUrl: platform.stripeUrl,
      adminUrl,
      staff: shopperWith(platform.url, { authorization: staffAuthorization }),
      staffAuthorization,
      audit,
      durability,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Refuses to measure a database that does not write durably: such a figure would be worth nothing. */
export async function readDurability(database: Database): Promise<Record<string, string>> {
  const rows = await database.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by 1`,
    [],
  )
  const settings = Object.fromEntries(rows.map(row => [row.name, row.setting]))
  const weak = rows.filter(row => row.setting !== 'on')
  if (rows.length !== 3 || weak.length > 0) throw new Error(`not durable: ${JSON.stringify(settings)}`)
  return settings
}

async function claimStaffKey(url: string, adminLink: string): Promise<string> {
  const token = new URL(adminLink).searchParams.get('token')
  const claimed = await shopperWith(url, {}).send<{ apiKey: string }>('POST', '/admin/claim', { token })
  if (claimed.status !== 200) throw new Error(`admin link refused: ${JSON.stringify(claimed.body)}`)
  return claimed.body.apiKey
}
