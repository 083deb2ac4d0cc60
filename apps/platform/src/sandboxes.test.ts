import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@storewright/rpc/log'
import { startMailSandbox } from './sandboxes.ts'

test('a killed mail sandbox comes back on its ports, and ends with us', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'storewright-mail-'))
  const mail = await startMailSandbox({ dataDir, httpPort: 0, log: createLogger({ level: 'silent' }) })
  const isUp = () =>
    fetch(`${mail.inboxUrl}/api/messages`)
      .then(({ ok }) => ok)
      .catch(() => false)
  try {
    assert.ok(await isUp())
    process.kill(mail.pid(), 'SIGKILL')
    const deadline = Date.now() + 15_000
    do await sleep(100)
    while (Date.now() < deadline && !(await isUp()))
    assert.ok(await isUp())
  } finally {
    await mail.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  assert.equal(await isUp(), false)
})
