import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureBrowser, findChromium } from './system-packages.ts'

let bin: string
before(() => {
  bin = mkdtempSync(join(tmpdir(), 'storewright-bin-'))
})
after(() => rmSync(bin, { recursive: true, force: true }))

const isDebian = existsSync('/usr/bin/apt-get')
const isRoot = process.getuid?.() === 0

/** With nothing on the PATH but what this test puts there. */
async function withBareMachine(run: () => Promise<void>): Promise<void> {
  const { PATH, CHROMIUM_PATH } = process.env
  process.env.PATH = bin
  delete process.env.CHROMIUM_PATH
  try {
    await run()
  } finally {
    process.env.PATH = PATH
    if (CHROMIUM_PATH) process.env.CHROMIUM_PATH = CHROMIUM_PATH
  }
}

test('a browser is named by CHROMIUM_PATH or found on the PATH', () => {
  assert.equal(findChromium({ CHROMIUM_PATH: join(bin, 'none'), PATH: '/usr/bin' }), undefined)
  assert.equal(findChromium({ CHROMIUM_PATH: process.execPath, PATH: '' }), process.execPath)
})

test('as root on Debian a missing browser is installed, visibly', {
  skip: !(isDebian && isRoot),
}, async () => {
  const log = join(bin, 'log')
  writeFileSync(
    join(bin, 'apt-get'),
    `#!/bin/sh\necho "$@" >> ${log}\n[ "$1" = update ] || : > ${join(bin, 'chromium')}\n`,
    { mode: 0o755 },
  )
  const said: string[] = []
  await withBareMachine(async () => {
    await ensureBrowser(line => said.push(line))
    const commands = readFileSync(log, 'utf8').trim().split('\n')
    assert.match(commands[0] ?? '', /^update/)
    assert.match(commands[1] ?? '', /^install -y .*chromium/)
    assert.match(said.join('\n'), /apt-get install chromium.* \.\.\.\n {2}done in/)
    said.length = 0
    await ensureBrowser(line => said.push(line))
    assert.deepEqual(said, [], 'installed again')
  })
})

test('a failing apt-get is told with what it printed', { skip: !(isDebian && isRoot) }, async () => {
  rmSync(join(bin, 'chromium'), { force: true })
  writeFileSync(join(bin, 'apt-get'), '#!/bin/sh\necho "no network" >&2\nexit 100\n', { mode: 0o755 })
  await withBareMachine(async () => {
    await assert.rejects(
      ensureBrowser(() => {}),
      /ended with 100:\nno network/,
    )
  })
})

// The other half of the machines; a skipped test would say that something is missing on this one.
if (process.platform === 'linux' && !(isDebian && isRoot))
  test('elsewhere it is said what is needed', async () => {
    await withBareMachine(async () => {
      await assert.rejects(
        ensureBrowser(() => {}),
        /need chromium/,
      )
    })
  })
