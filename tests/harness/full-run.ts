/** `npm run test:full` asks for the longer variant of what is random: more rounds, more runs. */
export function longer(normal: number, full: number): number {
  return process.env.STOREWRIGHT_TEST_FULL === '1' ? full : normal
}
