import type { TestContext } from 'node:test'
import fc from 'fast-check'

/** The same cases in every run, so that a test fails because of a change and not by chance; `PROPERTY_SEED=$RANDOM` makes others. */
export const seed = Number(process.env.PROPERTY_SEED ?? 1)

/** Runs a property, and prints its seed. */
export async function checkProperty<T>(
  t: TestContext,
  property: fc.IAsyncProperty<T> | fc.IProperty<T>,
  { numRuns }: { numRuns: number },
): Promise<void> {
  t.diagnostic(`seed ${seed}, ${numRuns} cases`)
  await fc.assert(property, { seed, numRuns })
}
