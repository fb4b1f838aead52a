import type { Language } from './texts.ts'

/** Numbers, dates and sizes as people read them. */

const tags: Readonly<Record<Language, string>> = { en: 'en', zh: 'zh-CN' }

/** `US$0.04`; small prices keep two digits that count. @param usd US dollars */
export function formatUsd(usd: number, language: Language): string {
  const digits = usd !== 0 && Math.abs(usd) < 0.1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 }
  return `US$${new Intl.NumberFormat(tags[language], { minimumFractionDigits: 2, ...digits }).format(usd)}`
}

/** @param ms milliseconds since 1970 */
export const formatDate = (ms: number, language: Language): string =>
  new Intl.DateTimeFormat(tags[language], { dateStyle: 'medium', timeStyle: 'short' }).format(ms)

/** `40 s`, `2 min`. @param ms a duration */
export function formatDuration(ms: number, language: Language): string {
  const seconds = Math.max(1, Math.round(ms / 1000))
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : [Math.round(seconds / 60), 'minute']
  return new Intl.NumberFormat(tags[language], { style: 'unit', unit, unitDisplay: 'short' }).format(value)
}

/** `1.2 MB` */
export function formatBytes(bytes: number, language: Language): string {
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, 'kilobyte'] : [bytes / 1_000_000, 'megabyte']
  const format = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: value < 10 ? 1 : 0 } as const
  return new Intl.NumberFormat(tags[language], format).format(value)
}

/** `1024 × 768` */
export const formatSize = ({ width, height }: { width: number; height: number }): string => `${width} × ${height}`
