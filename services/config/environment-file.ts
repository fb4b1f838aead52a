import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ReportedError } from '../errors/app-error.ts'
import { codeOf } from '../errors/error-code.ts'
import type { Environment } from './environment.ts'
import { unreadableReason } from './permission-flags.ts'
import { decodeText } from './text-file.ts'

/** A file named with `--env-file` cannot be read. The message is a sentence for the operator. */
export class EnvironmentFileError extends ReportedError {
  override name = 'EnvironmentFileError'
}

/** The file named with `--env-file`. @throws EnvironmentFileError */
export function readEnvironmentFile(file: string): Environment {
  try {
    return parseEnv(decodeText(readFileSync(file)))
  } catch (cause) {
    throw new EnvironmentFileError(`--env-file: ${file} cannot be read (${reasonOf(cause)}).`, { cause })
  }
}

/**
 * `.env` of the working directory; empty if there is none. Any other failure is reported: Docker creates a folder in
 * place of a missing file that is mounted.
 */
export function readDotEnv(report: (sentence: string) => void): Environment {
  try {
    return parseEnv(decodeText(readFileSync('.env')))
  } catch (error) {
    const reason = reasonOf(error)
    if (reason !== 'ENOENT') report(`.env in the working directory cannot be read (${reason}).`)
    return {}
  }
}

function reasonOf(error: unknown): string {
  if (codeOf(error) === '') throw error
  return unreadableReason(error)
}
