import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { migrate } from './migrate.ts'
import { openDatabase } from './pool.ts'
import { createTestDatabase } from './testing.ts'

async function setUp(context: TestContext, files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'storewright-migrate-'))
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  for (const [name, text] of Object.entries(files)) write(name, text)
  const fixture = await createTestDatabase({ service: 'migrating', folders: [] })
  context.after(async () => {
    await fixture.drop()
    rmSync(folder, { recursive: true })
  })
  const folders = [{ name: 'shop', url: pathToFileURL(folder) }]
  return { ...fixture, folders, write }
}

test('applies files by name, each once, with several statements in one', async context => {
  const { database, folders, write } = await setUp(context, {
    '0002-rows.sql': 'insert into item values (1); insert into item values (2);',
    '0001-table.sql': 'create table item (id int primary key);',
    'notes.md': 'not SQL',
  })
  assert.deepEqual(await migrate(database, folders), ['shop/0001-table.sql', 'shop/0002-rows.sql'])
  assert.deepEqual(await migrate(database, folders), [])
  write('0003-more.sql', 'insert into item values (3);')
  assert.deepEqual(await migrate(database, folders), ['shop/0003-more.sql'])
  assert.deepEqual(await database.query('select count(*) from item', []), [{ count: 3 }])
})

test('many processes that start at once apply each file once', async context => {
  const { database, url, folders } = await setUp(context, {
    '0001-table.sql': 'create table item (id serial); select pg_sleep(0.05);',
    '0002-rows.sql': 'insert into item default values;',
  })
  const others = Array.from({ length: 6 }, () => openDatabase({ url, name: 'test', maxConnections: 1 }))
  const applied = await Promise.all(others.map(other => migrate(other, folders)))
  await Promise.all(others.map(other => other.close()))
  assert.deepEqual(applied.flat().sort(), ['shop/0001-table.sql', 'shop/0002-rows.sql'])
  assert.deepEqual(await database.query('select count(*) from item', []), [{ count: 1 }])
})

test('refuses a file that was changed after it was applied, but not other line ends', async context => {
  const { database, folders, write } = await setUp(context, {
    '0001-table.sql': 'create table item (\n  id int\n);\n',
  })
  await migrate(database, folders)
  write('0001-table.sql', 'create table item (\r\n  id int\r\n);\r\n')
  await migrate(database, folders)
  write('0001-table.sql', 'create table item (id int, more int);')
  await assert.rejects(migrate(database, folders), /shop\/0001-table\.sql was changed after it was applied/)
})

test('a failing file leaves no trace and stops the ones after it', async context => {
  const { database, folders, write } = await setUp(context, {
    '0001-table.sql': 'create table item (id int);',
    '0002-broken.sql': 'insert into item values (1); insert into nowhere values (1);',
    '0003-later.sql': 'insert into item values (3);',
  })
  await assert.rejects(migrate(database, folders), /shop\/0002-broken\.sql failed: relation "nowhere"/)
  assert.deepEqual(await database.query('select id from item', []), [])
  write('0002-broken.sql', 'insert into item values (2);')
  assert.deepEqual(await migrate(database, folders), ['shop/0002-broken.sql', 'shop/0003-later.sql'])
})
