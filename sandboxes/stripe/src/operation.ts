import type { Form } from './form.ts'
import { type Fields, type Read, readFields } from './parameters.ts'
import type { World } from './world.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

export interface Operation {
  readonly method: Method
  /** `/v1/charges/:id/capture` */
  readonly path: string
  /** Checks the parameters, then returns the work: what happens in between is not the caller's fault. */
  readonly prepare: (form: Form) => (world: World, id: string) => unknown
}

export function operation<F extends Fields>(
  method: Method,
  path: string,
  fields: F,
  run: (world: World, input: Read<F>, id: string) => unknown,
): Operation {
  return {
    method,
    path,
    prepare(form) {
      const input = readFields(fields, form)
      return (world, id) => run(world, input, id)
    },
  }
}
