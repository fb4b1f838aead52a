import { hideUserInfo } from './configuration-error.ts'
import type { ConfigSource } from './parser.ts'
import { variables } from './variables.ts'

/** A line per variable for an operator: its value, or of a secret its length. */
export function printedValues({ settings, secretFiles, transport }: ConfigSource): string[] {
  const values = new Map<string, unknown>(Object.entries(settings))
  return variables.map(({ name, secret, usedBy }) => {
    const value = values.get(name)
    if (transport === 'stdio' && usedBy !== 'always') return `${name} is not used with --stdio`
    if (value === undefined) return `${name} is not set`
    if (!secret) return `${name}=${hideUserInfo(withoutQuery(String(value)))}`
    const file = secretFiles[name] === undefined ? '' : `, from ${secretFiles[name]}`
    return `${name}=(secret, ${String(value).length} characters${file})`
  })
}

/** An address copied from elsewhere may have a key in its query. */
function withoutQuery(value: string): string {
  return /^https?:/i.test(value) ? value.replace(/[?#].*$/s, '?[redacted]') : value
}
