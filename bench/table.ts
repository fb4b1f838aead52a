import { median, medianRatio } from './statistics.ts'
import type { Workload } from './workload.ts'

/** The figures of one workload: one value per round and server. */
export interface Result {
  workload: Workload
  floor: readonly number[]
  service: readonly number[]
  peer: readonly number[]
}

const headings = ['workload', 'unit', 'floor', 'service', 'peer', 'service ÷ floor', 'service ÷ peer', 'target']

/** A Markdown table: medians with minimum and maximum, and the median of each round's ratio. */
export function formatTable(results: readonly Result[]): string {
  const rows = [headings, headings.map(() => '---'), ...results.map(formatRow)]
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => `| ${row.map((cell, column) => padded(cell, widths[column] ?? 0)).join(' | ')} |\n`).join('')
}

function padded(cell: string, width: number): string {
  return cell === '---' ? '-'.repeat(width) : cell.padEnd(width)
}

/** The cells of one workload, in the order of the headings. */
export function formatRow({ workload, floor, service, peer }: Result): string[] {
  return [
    workload.name,
    workload.unit,
    formatSpread(floor),
    formatSpread(service),
    formatSpread(peer),
    formatNumber(medianRatio(service, floor)),
    peer.length === 0 ? '' : formatNumber(medianRatio(service, peer)),
    workload.target ?? '',
  ]
}

function formatSpread(values: readonly number[]): string {
  if (values.length === 0) return ''
  return `${formatNumber(median(values))} (${formatNumber(Math.min(...values))}–${formatNumber(Math.max(...values))})`
}

/** At most three significant digits. */
function formatNumber(value: number): string {
  if (value >= 1000) return String(Math.round(value / 100) * 100)
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}
