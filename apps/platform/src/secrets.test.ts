import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadSecrets } from './secrets.ts'

test('secrets are made once, private, and the file is never rewritten in place', t => {
  const dir = mkdtempSync(join(tmpdir(), 'storewright-secrets-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'secrets.json')
  const first = loadSecrets(dir, {})
  const made = statSync(path)
  assert.equal(made.mode & 0o777, 0o600)
  const again = loadSecrets(dir, {})
  assert.deepEqual(again.signing, first.signing)
  assert.equal(statSync(path).mtimeMs, made.mtimeMs, 'a start that changes nothing writes nothing')
  const password = again.passwordOf('order')
  // Another file under the same name: at no moment was there half of one.
  assert.notEqual(statSync(path).ino, made.ino)
  assert.equal(loadSecrets(dir, {}).passwordOf('order'), password)
  assert.deepEqual(readdirSync(dir), ['secrets.json'])
})
