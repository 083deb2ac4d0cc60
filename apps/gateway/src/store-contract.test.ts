import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isContractProcedure } from '@orpc/contract'
import type { OperationMeta } from '@storewright/rpc/contract'
import { errorTable } from './error-table.ts'
import { operations } from './operations.ts'
import { serviceContracts } from './service-contracts.ts'

test('every operation that is not internal passes the gateway, and no internal one', () => {
  const all = Object.entries(serviceContracts).flatMap(([service, contract]) =>
    Object.entries(contract).map(([name, procedure]) => {
      assert.ok(isContractProcedure(procedure))
      return { id: `${service}.${name}`, access: (procedure['~orpc'].meta as OperationMeta).access }
    }),
  )
  const open = all.filter(({ access }) => access !== 'internal').map(({ id }) => id)
  assert.ok(open.length > 20 && open.length < all.length)
  assert.deepEqual(operations.map(({ id }) => id).sort(), open.sort())
})

test('every staff operation lives under /admin, and only the claim of a link is public there', () => {
  for (const { id, path, meta } of operations)
    if (id !== 'auth.claimAdminLink') assert.equal(path.startsWith('/admin/'), meta.access === 'staff', id)
})

test('a code means one status everywhere', () => {
  const codes = errorTable().map(({ code }) => code)
  assert.equal(new Set(codes).size, codes.length)
  for (const code of codes) assert.match(code, /^[a-z]+(-[a-z]+)*$/)
})
