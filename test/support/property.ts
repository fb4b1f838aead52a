import type { TestContext } from 'node:test'
import fc from 'fast-check'

/** Runs a property with a random seed, and prints it so that a failure can be reproduced. */
export async function checkProperty<T>(
  t: TestContext,
  property: fc.IAsyncProperty<T> | fc.IProperty<T>,
  { numRuns }: { numRuns: number },
): Promise<void> {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.diagnostic(`seed ${seed}, ${numRuns} cases`)
  await fc.assert(property, { seed, numRuns })
}
