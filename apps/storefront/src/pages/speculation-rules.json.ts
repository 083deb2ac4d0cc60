import type { APIRoute } from 'astro'

// Pages that belong to one shopper, or that a mere look would change, are never fetched ahead.
const PERSONAL = ['/cart*', '/checkout*', '/orders/*', '/admin/*', '/api/*', '/media/*']

const rules = {
  prefetch: [
    {
      where: {
        and: [
          { href_matches: '/*' },
          ...PERSONAL.flatMap(path =>
            ['', '/us', '/uk'].map(prefix => ({ not: { href_matches: prefix + path } })),
          ),
        ],
      },
      eagerness: 'moderate',
    },
  ],
}

export const GET: APIRoute = () =>
  new Response(JSON.stringify(rules), {
    headers: { 'content-type': 'application/speculationrules+json', 'cache-control': 'public, max-age=3600' },
  })
