import type { Form } from './form.ts'
import { type Fields, fieldsIn, type Read, type Release, readFields } from './parameters.ts'
import type { World } from './world.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

export interface Operation {
  readonly method: Method
  /** `/v1/charges/:id/capture` */
  readonly path: string
  /** Checks the parameters, then returns the work: what happens in between is not the caller's fault. */
  readonly prepare: (form: Form, release: Release) => (world: World, id: string) => unknown
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
    prepare(form, release) {
      const input = readFields(fieldsIn(fields, release), form)
      return (world, id) => run(world, input, id)
    },
  }
}
