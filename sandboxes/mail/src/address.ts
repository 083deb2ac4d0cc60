/** Why an MTA would refuse an address, or undefined when it would take it. RFC 5321 §4.1.2, §4.5.3.1; RFC 2606. */
export function refusalOfAddress(address: string, smtpUtf8: boolean): Refusal | undefined {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  const domain = address.slice(at + 1)
  if (at < 1 || domain === '') return syntax(address)
  if (!smtpUtf8 && NON_ASCII.test(address))
    return { code: 553, message: `5.6.7 <${address}>: SMTPUTF8 is required for this address` }
  if (Buffer.byteLength(local) > 64 || Buffer.byteLength(domain) > 255) return syntax(address)
  if (!LOCAL_DOT_ATOM.test(local) && !LOCAL_QUOTED.test(local)) return syntax(address)
  if (ADDRESS_LITERAL.test(domain)) return undefined
  const labels = domain.split('.')
  if (labels.length < 2 || !labels.every(label => LABEL.test(label) && label.length <= 63))
    return syntax(address)
  if (labels.at(-1)?.toLowerCase() === 'invalid')
    return { code: 550, message: `5.1.2 <${address}>: Domain not found` }
  return undefined
}

export interface Refusal {
  readonly code: number
  readonly message: string
}

const NON_ASCII = /[^\x20-\x7e]/
const ATOM = "[\\p{L}\\p{N}!#$%&'*+/=?^_`{|}~-]+"
const LOCAL_DOT_ATOM = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, 'u')
const LOCAL_QUOTED = /^"(?:[^"\\]|\\.)+"$/u
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?$/u
const ADDRESS_LITERAL = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]+)\]$/i

function syntax(address: string): Refusal {
  return { code: 553, message: `5.1.3 <${address}>: The recipient address is not a valid RFC 5321 address` }
}
