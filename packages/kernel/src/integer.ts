/** The largest value of an `int` column. Whatever is kept in one is bounded where it comes in, mostly far below. */
export const INT4_MAX = 2_147_483_647
