import { InvalidValueError } from '../errors/app-error.ts'
import { cachePromise } from '../net/cached-promise.ts'
import { readSecretFile } from './environment.ts'

export interface SecretFile {
  /** `AZURE_API_KEY_FILE`. */
  variable: string
  /** Where it is. @throws Error if it must not be read */
  locate(): string
  /** Its content is checked as where it is used. @throws InvalidValueError with the reason, or any other Error */
  check?: ((text: string) => unknown) | undefined
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

  function isUsable({ variable, locate, check }: SecretFile): boolean {
    try {
      const text = readSecretFile(locate())
      if (text.trim() === '') throw new InvalidValueError('is empty')
      check?.(text)
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
