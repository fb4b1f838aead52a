import type { Settings } from '../../schemas/config.ts'
import { InvalidValueError } from '../errors/app-error.ts'
import { isSecureUrl } from '../net/secure-url.ts'
import type { Transport } from './environment.ts'
import type { Secret } from './secret.ts'

/** How validated variables are read: values of several kinds, with problems reported instead of thrown. */

export interface ConfigSource {
  /** What `@fastify/env` validated. */
  settings: Settings
  /** Path of the file of each secret that came from one, by variable. */
  secretFiles: Readonly<Record<string, string>>
  transport: Transport
}

type TextVariable = { [K in keyof Settings]-?: string extends Settings[K] ? K : never }[keyof Settings]

/** The variables of one start, and where their problems go. */
export interface Parser extends ConfigSource {
  report(variable: keyof Settings, problem: string): void
  secret(variable: TextVariable): Secret | undefined
}

/** The value, or undefined with a problem reported. */
export function parsed<T>(variable: keyof Settings, parse: () => T, report: Parser['report']): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error
    report(variable, error.message)
    return undefined
  }
}

export function checkUrl(variable: keyof Settings, value: string | undefined, report: Parser['report']): void {
  if (value !== undefined && !URL.canParse(value)) report(variable, 'is not a URL')
}

/** What the HTTP client would reject at the first call. */
export function checkProxy(value: string | undefined, report: Parser['report']): void {
  checkUrl('HTTPS_PROXY', value, report)
  if (value === undefined || !URL.canParse(value)) return
  const { pathname, search, hash, username, password } = new URL(value)
  if (!/^\/?$/.test(pathname) || search !== '' || hash !== '') report('HTTPS_PROXY', 'has a path or a query')
  try {
    decodeURIComponent(username + password)
  } catch {
    report('HTTPS_PROXY', 'has a "%" in its credential that must be written as %25')
  }
}

export function checkFetchable(variable: keyof Settings, value: string | undefined, report: Parser['report']): void {
  if (value !== undefined && !isSecureUrl(value)) {
    report(variable, 'is not an https URL (http is for this machine only)')
  }
}

/** A list by comma or space. */
export function listOf(list: string | undefined): string[] {
  return (list ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
}
