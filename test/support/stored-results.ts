import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Files of the results that wait below an images folder for the retry of their call. */
export async function storedResults(images: string, kind: 'abandoned' | 'idempotent' = 'abandoned'): Promise<string[]> {
  const names = await readdir(join(images, `.${kind}`)).catch(() => [])
  return names.filter((name) => name.endsWith('.result'))
}
