import { z } from 'zod'

/** ISO 3166-1 alpha-2, upper case. Which countries a shop sells to is pricing's decision. */
export const countrySchema = z
  .string()
  .regex(/^[A-Z]{2}$/, { error: 'must be a two-letter country code (ISO 3166-1 alpha-2)' })
  .describe('ISO 3166-1 alpha-2 country code')

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1, { error: 'must not be empty' })
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: 'must not hold control characters' })

/** A postal address. Lengths follow the widest carrier label fields; no format is forced on postal codes. */
export const addressSchema = z
  .strictObject({
    fullName: line(120),
    line1: line(120),
    line2: line(120).optional(),
    city: line(80),
    region: line(80).optional().describe('state, province or county'),
    postalCode: line(20),
    country: countrySchema,
    phone: line(32).optional(),
  })
  .meta({ id: 'Address' })

export type Address = z.infer<typeof addressSchema>

export const emailSchema = z
  .string()
  .trim()
  .max(254, { error: 'must be at most 254 characters (RFC 5321)' })
  .pipe(z.email({ error: 'must be an email address' }))
  .describe('email address')
