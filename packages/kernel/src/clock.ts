/** The only source of "now" in domain and service code; tests inject their own. Milliseconds since the epoch, UTC. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
