import { createLane } from './lane.ts'

/**
 * Reads by key that share statements: callers that arrive while a read is under way are answered by the next one.
 * No answer is older than its question, so this is not a cache; a crowd asking for the same rows costs one statement
 * at a time. `read` gets each key once and answers what it found, by key.
 */
export function createSharedRead<Key extends string, Row>(options: {
  name: string
  read: (keys: Key[]) => Promise<ReadonlyMap<Key, Row>>
}): (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Row>> {
  const lane = createLane<readonly Key[], ReadonlyMap<Key, Row>>({
    name: options.name,
    maxItems: CALLERS_MAX,
    weightOf: keys => keys.length,
    maxWeight: KEYS_MAX,
    run: async callers => {
      const found = await options.read([...new Set(callers.flat())])
      return callers.map(() => found)
    },
  })
  return keys => (keys.length === 0 ? Promise.resolve(new Map()) : lane.submit(keys))
}

/** A statement for more would make the first caller wait for the last one's rows. */
const CALLERS_MAX = 128
const KEYS_MAX = 512
