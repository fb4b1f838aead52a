/** Money in whole millionths of a US dollar: sums of fractions are inexact, and differ by the order of their parts. */
const MICROS = 1_000_000
/** `0.07 * 1_000_000` is a little more than 70,000, which must not become 70,001. */
const NOISE = 1e-4

/** Rounded up, so that a call never counts less than it costs. */
export const toMicros = (usd: number): number => Math.ceil(usd * MICROS - NOISE)

/** Rounded down, so that a limit is never exceeded. */
export const limitInMicros = (usd: number): number => Math.floor(usd * MICROS + NOISE)

export const toUsd = (micros: number): number => micros / MICROS
