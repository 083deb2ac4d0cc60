import { expireAuthorization } from './capture-intent.ts'
import { settleLater } from './charges.ts'
import { expireDueSession } from './checkout-sessions.ts'
import type { Row } from './database.ts'
import { decideDispute, openDispute } from './disputes.ts'
import { finishRefund } from './refunds.ts'
import type { TaskKind, World } from './world.ts'

const WORK: Readonly<Record<TaskKind, (world: World, objectId: string) => void>> = {
  'expire-session': expireDueSession,
  'expire-authorization': expireAuthorization,
  'settle-charge': settleLater,
  'open-dispute': openDispute,
  'decide-dispute': decideDispute,
  'finish-refund': finishRefund,
}

/** Enough for a clock that was advanced by a month; what is left is done at the next tick. */
const TASKS_AT_ONCE = 1000

/** What the clock has brought about, in order; how much that was. */
export function runDueTasks(world: World): number {
  const due = world.db.rows(
    'SELECT id, kind, object_id FROM task WHERE due_at <= ? ORDER BY due_at, id LIMIT ?',
    world.nowMs(),
    TASKS_AT_ONCE,
  )
  for (const row of due) runTask(world, row)
  return due.length
}

function runTask(world: World, row: Row): void {
  const done = () => world.db.run('DELETE FROM task WHERE id = ?', Number(row.id))
  try {
    world.db.transaction(() => {
      WORK[row.kind as TaskKind](world, String(row.object_id))
      done()
    })
  } catch (error) {
    // Kept, it would fail again before every request.
    console.error(`The Stripe sandbox could not ${row.kind} ${row.object_id}`, error)
    done()
  }
}
