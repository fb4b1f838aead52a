import type { Caller } from '../auth/authenticator.ts'

/** What one caller may do with the images of the library. */
export interface LibraryAccess {
  /** Owner of the images that it makes: the id of the caller. */
  readonly owner: string
  /** Whose images it uses by id. An id of another image is treated as unknown. */
  readonly uses: 'own' | 'all'
  /** Whether it may find images without their ids: list, search, complete and say `last`. */
  readonly canList: boolean
  /** Whose images it may tag, rename and delete. */
  readonly changes: 'none' | 'own' | 'all'
}

/** What a signature gives: the one image that it names. */
export const LINK_ACCESS: LibraryAccess = { owner: '', uses: 'all', canList: false, changes: 'none' }

export interface AccessRules {
  /** Whether callers have credentials. */
  isAuthenticated: boolean
  /** Whether only programs of this machine connect: stdio, or a local bind. */
  isLocal: boolean
  /** Whether images are shared among all callers. */
  isShared: boolean
}

/**
 * The access of a caller. Without authentication an id is the only key to an image, since every address may be a proxy's;
 * only on the user's own machine everything is the user's.
 * @param isForwarded whether a proxy sent the request, so that a local address says nothing of its client
 */
export function libraryAccess(
  { isAuthenticated, isLocal, isShared }: AccessRules,
  { id: owner }: Caller,
  isForwarded: boolean,
): LibraryAccess {
  if (isAuthenticated) return { owner, uses: isShared ? 'all' : 'own', canList: true, changes: 'own' }
  if (isLocal && !isForwarded) return { owner, uses: 'all', canList: true, changes: 'all' }
  return { owner, uses: 'all', canList: isShared, changes: isShared ? 'own' : 'none' }
}

/** Whether the caller uses an image of this owner. */
export function mayUse({ owner, uses }: LibraryAccess, ownerOfImage: string): boolean {
  return uses === 'all' || owner === ownerOfImage
}

/** Whether the caller changes an image of this owner. */
export function mayChange({ owner, changes }: LibraryAccess, ownerOfImage: string): boolean {
  return changes === 'all' || (changes === 'own' && owner === ownerOfImage)
}
