import sharp from 'sharp'
import { escapeHtml } from '../../services/net/escape-html.ts'
import type { Series } from '../../test/support/system/prometheus.ts'
import { type Board, colorsOf, type Panel, type Query, sizeOf } from './board.ts'

/** Draws a board as Grafana lays it out, from values that Prometheus returned. For the documentation. */

export type Ask = (expr: string) => Promise<readonly Series[]>

const WIDTH = 1200
const COLUMN = WIDTH / 24
const ROW = 30
const GAP = 8
const MAX_LEGENDS = 6
const colors = ['#1f60c4', '#37872d', '#fa6400', '#c4162a', '#8f3bb8', '#e0b400', '#0aa1a1', '#6e7a8a']

interface Line {
  name: string
  points: readonly (readonly [number, number])[]
}

/** @returns a PNG */
export async function drawBoard(board: Board, ask: Ask): Promise<Buffer> {
  let x = 0
  let y = 2
  let rowHeight = 0
  const parts: string[] = []
  for (const panel of board.panels) {
    const { w, h } = sizeOf(panel, board)
    if (x + w > 24) [x, y] = [0, y + rowHeight]
    rowHeight = h
    const box = { x: x * COLUMN + GAP / 2, y: y * ROW, width: w * COLUMN - GAP, height: h * ROW - GAP }
    parts.push(drawPanel(panel, await linesOf(panel.queries, ask), box))
    x += w
  }
  const height = (y + rowHeight) * ROW
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="DejaVu Sans, sans-serif"><rect width="100%" height="100%" fill="#f4f5f5"/><text x="8" y="38" font-size="22" fill="#24292e">${escapeHtml(board.title)}</text>${parts.join('')}</svg>`
  return await sharp(Buffer.from(svg)).png({ palette: true, compressionLevel: 9 }).toBuffer()
}

async function linesOf(queries: readonly Query[], ask: Ask): Promise<readonly Line[]> {
  const lines = await Promise.all(
    queries.map(async ({ expr, legend }) =>
      (await ask(expr)).map(({ metric, values = [] }) => ({
        name: legend.replaceAll(/\{\{(\w+)\}\}/g, (_all, label: string) => metric[label] ?? ''),
        points: values.map(([at, value]) => [at, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
      })),
    ),
  )
  const largest = ({ points }: Line) => Math.max(...points.map(([, value]) => value))
  return lines.flat().toSorted((a, b) => largest(b) - largest(a))
}

interface Box {
  x: number
  y: number
  width: number
  height: number
}

function drawPanel(panel: Panel, lines: readonly Line[], { x, y, width, height }: Box): string {
  const content =
    panel.kind === undefined ? drawLines(panel, lines, width, height) : drawNumbers(panel, lines, width, height)
  return `<g transform="translate(${x} ${y})"><rect width="${width}" height="${height}" rx="3" fill="#fff" stroke="#dcdee1"/><text x="12" y="22" font-size="14" fill="#24292e">${escapeHtml(panel.title)}</text>${content}</g>`
}

function drawNumbers(panel: Panel, lines: readonly Line[], width: number, height: number): string {
  // Of now: a series may have ended before.
  const now = Math.max(...lines.map(({ points }) => points.at(-1)?.[0] ?? 0))
  const shown = lines.filter(({ points }) => points.at(-1)?.[0] === now).slice(0, 3)
  return shown
    .map(({ name, points }, at) => {
      const middle = ((at + 0.5) * width) / shown.length
      const value = points.at(-1)?.[1] ?? Number.NaN
      const label =
        shown.length > 1 || panel.kind === 'names'
          ? `<text x="${middle}" y="${height - 10}" font-size="10" text-anchor="middle" fill="#6e7a8a">${escapeHtml(name)}</text>`
          : ''
      return `<text x="${middle}" y="${height / 2 + 20}" font-size="${shown.length > 1 ? 20 : 34}" text-anchor="middle" fill="${colorOfNumber(panel, value)}">${format(value, panel.unit)}</text>${label}`
    })
    .join('')
}

function drawLines({ unit }: Panel, lines: readonly Line[], width: number, height: number): string {
  const legendRows = Math.ceil(Math.min(lines.length, MAX_LEGENDS) / 2)
  const area = { left: 70, top: 36, width: width - 86, height: height - 50 - legendRows * 16 }
  const all = lines.flatMap(({ points }) => points)
  const times = all.map(([at]) => at)
  const [first, last] = [Math.min(...times), Math.max(...times)]
  const top = Math.max(...all.map(([, value]) => value), 0) * 1.1 || 1
  const toX = (at: number) => area.left + (last === first ? 0 : ((at - first) / (last - first)) * area.width)
  const toY = (value: number) => area.top + area.height * (1 - value / top)
  const grid = [0, 0.5, 1].map((share) => {
    const at = toY(top * share)
    return `<line x1="${area.left}" x2="${area.left + area.width}" y1="${at}" y2="${at}" stroke="#e6e8ea"/><text x="${area.left - 6}" y="${at + 4}" font-size="10" text-anchor="end" fill="#6e7a8a">${format(top * share, unit)}</text>`
  })
  const drawn = lines.map(({ points }, at) => {
    const path = points.map(([time, value]) => `${toX(time).toFixed(1)},${toY(value).toFixed(1)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${colorOf(at)}" stroke-width="1.5"/>`
  })
  const legends = lines.slice(0, MAX_LEGENDS).map(({ name, points }, at) => {
    const left = 14 + (at % 2) * (width / 2)
    const line = height - 10 - (legendRows - 1 - Math.floor(at / 2)) * 16
    return `<rect x="${left}" y="${line - 5}" width="12" height="3" fill="${colorOf(at)}"/><text x="${left + 18}" y="${line}" font-size="11" fill="#24292e">${escapeHtml(name)}: ${format(points.at(-1)?.[1] ?? Number.NaN, unit)}</text>`
  })
  return [...grid, ...drawn, ...legends].join('')
}

const hexes: Record<string, string> = { text: '#24292e', green: '#37872d', orange: '#fa6400', red: '#c4162a' }

function colorOfNumber(panel: Panel, value: number): string | undefined {
  const reached = colorsOf(panel).findLast(({ from }) => from === null || value >= from)
  return hexes[reached?.color ?? 'text']
}

const colorOf = (index: number) => colors[index % colors.length]

function format(value: number, unit: Panel['unit']): string {
  if (!Number.isFinite(value)) return '–'
  const digits = (number: number) =>
    Math.abs(number) >= 100 ? number.toFixed(0) : String(Number(number.toPrecision(3)))
  if (unit === 'percentunit') return `${digits(value * 100)} %`
  if (unit === 'currencyUSD') return `$${digits(value)}`
  if (unit === 'bytes' || unit === 'Bps') return `${digits(value / 2 ** 20)} MiB${unit === 'Bps' ? '/s' : ''}`
  if (unit === 's') return value > 0 && value < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`
  return `${digits(value)}${unit === 'reqpm' ? '/min' : unit === 'd' ? ' days' : ''}`
}
