import type { Language } from '../docs-language.ts'
import { code, type Row } from '../markdown-table.ts'
import type { FaultRow } from './row.ts'
import { faultRows } from './rows.ts'

/** The table of docs/faults.md. */
export function faultTableRows(language: Language): Row[] {
  return Object.values<FaultRow>(faultRows).map((row) => [
    row.code === undefined ? '–' : code(row.code),
    row.fault[language.key],
    row.todo[language.key],
    `[${row.alert}](${language.runbook}#${row.alert.toLowerCase()})`,
    logCell(row),
    readyCell(row, language),
    code(row.metric.replaceAll('|', '\\|')),
  ])
}

function logCell({ log }: FaultRow): string {
  if (log === undefined) return '–'
  const reasons = (log.reason ?? []).map(code).join(', ')
  return code(log.message) + (reasons === '' ? '' : `, \`reason\` ${reasons}`)
}

function readyCell({ code: fault, ready }: FaultRow, { unchanged }: Language): string {
  if (fault === undefined) return '–'
  if (ready === undefined) return unchanged
  return ready.value === undefined || ready.value === fault
    ? code(ready.member)
    : `${code(ready.member)}: ${code(ready.value)}`
}
