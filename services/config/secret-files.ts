import { InvalidValueError } from '../errors/app-error.ts'
import { cachePromise } from '../net/cached-promise.ts'
import { readSecretFile } from './environment.ts'

export interface SecretFile {
  /** `AZURE_API_KEY_FILE`. */
  variable: string
  /** May throw, if the file must not be read. */
  locate(): string
}

/** Unauthenticated clients can trigger the check. */
const CHECK_EVERY_MS = 5_000

/**
 * Whether the files of secrets can still be used: a file is read again when it changes, and while that fails its previous
 * content holds.
 *
 * @param onChange a file is no longer usable because of `error`, or, without one, it is again
 */
export function watchSecretFiles(
  files: readonly SecretFile[],
  onChange: (variable: string, error?: unknown) => void,
): () => Promise<Readonly<Record<string, 'usable' | 'unusable'>>> {
  const broken = new Set<string>()

  function isUsable({ variable, locate }: SecretFile): boolean {
    try {
      if (readSecretFile(locate()).trim() === '') throw new InvalidValueError('is empty')
      if (broken.delete(variable)) onChange(variable)
      return true
    } catch (error) {
      if (!broken.has(variable)) onChange(variable, error)
      broken.add(variable)
      return false
    }
  }

  return cachePromise(
    async () => Object.fromEntries(files.map((file) => [file.variable, isUsable(file) ? 'usable' : 'unusable'])),
    CHECK_EVERY_MS,
  )
}
