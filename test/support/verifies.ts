import { type TestContext, test } from 'node:test'
import type { RequirementId } from './requirements.ts'

/** How a test's name ends that proves a requirement. */
export const verifiedName = /\(verifies ([\w-]+(?:, [\w-]+)*)\)$/

/** A test that proves requirements: where it is missing, skipped or fails, `requirements.slow.test.ts` fails. */
export function verifies(
  ids: RequirementId | readonly RequirementId[],
  name: string,
  check: (t: TestContext) => Promise<void> | void,
): void {
  void test(`${name} (verifies ${[ids].flat().join(', ')})`, check)
}
