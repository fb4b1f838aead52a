import type { LibraryAccess } from '../library/access.ts'
import type { Tool } from './types.ts'

/** Whether a caller with this access may use the tool. */
export function isOffered({ needsListing }: Pick<Tool, 'needsListing'>, { canList }: LibraryAccess): boolean {
  return canList || needsListing !== true
}
