/** The front page's rows. A collection without products shows no row, so a fresh shop has no holes. */
export const RAILS = [
  {
    collection: 'new-season',
    title: 'New this season',
    description: 'The latest pieces to come out of the workshops.',
  },
  {
    collection: 'slow-mornings',
    title: 'Slow mornings',
    description: 'Tea, soft light and somewhere good to sit.',
  },
  {
    collection: 'gifts-under-50',
    title: 'Small gifts',
    description: 'Things to bring along, all for less than a dinner out.',
  },
] as const
