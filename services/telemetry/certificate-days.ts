import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

const DAY_MS = 86_400_000

/** Days until a certificate in PEM ends, negative afterwards; undefined: the file has none, or cannot be read. */
export function certificateDays(path: string, now: Date): number | undefined {
  try {
    const { validToDate } = new X509Certificate(readFileSync(path))
    return Math.floor((validToDate.getTime() - now.getTime()) / DAY_MS)
  } catch {
    return undefined
  }
}
