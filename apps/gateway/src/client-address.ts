import { BlockList, isIP } from 'node:net'

/** Reverse proxies whose word on the client's address is taken: addresses or CIDR ranges. */
export function createClientAddress(
  trustedProxies: readonly string[],
): (request: Request, remoteAddress: string) => string {
  const trusted = new BlockList()
  for (const entry of trustedProxies) addTo(trusted, entry)
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return (request, remoteAddress) => {
    let client = plain(remoteAddress)
    if (trustedProxies.length === 0 || !isTrusted(client)) return client
    // Each proxy appends the address it saw: from the right, the first that is not a proxy of ours is the client.
    const hops = request.headers.get('x-forwarded-for')?.split(',') ?? []
    for (const hop of hops.reverse()) {
      const address = plain(hop.trim())
      if (isIP(address) === 0) return client
      client = address
      if (!isTrusted(address)) return client
    }
    return client
  }
}

/** One IPv6 customer has a /64 at least, so its addresses count as one. IPv4 stays whole. */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail ? tail.split(':') : []
  const groups =
    tail === undefined
      ? first
      : [...first, ...Array(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last]
  return `${groups
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`
}

function addTo(list: BlockList, entry: string): void {
  const [address = '', bits] = entry.split('/')
  const version = isIP(address)
  const size = Number(bits)
  if (version === 0 || (bits !== undefined && !(size >= 0 && size <= (version === 6 ? 128 : 32))))
    throw new Error(`TRUSTED_PROXIES: ${entry} is neither an address nor a CIDR range`)
  const family = version === 6 ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, size, family)
}

/** IPv4 on a dual-stack socket arrives as `::ffff:192.0.2.1`; some proxies add a port. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return mapped
  return /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(address)?.[1] ?? /^\[(.+)\](:\d+)?$/.exec(address)?.[1] ?? address
}
