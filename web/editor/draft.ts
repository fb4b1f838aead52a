import { objectOf, parseJson } from '../bridge/json.ts'
import { type PaidSnapshot, readSnapshot } from '../data/paid-call.ts'
import { type EditChoices, initialChoices } from './edit-arguments.ts'
import type { Point } from './geometry.ts'
import type { MaskMode, MaskOperation } from './strokes.ts'
import { maskStrokes } from './wire.ts'

/** What a person has begun to edit. */
export interface Draft {
  readonly choices: EditChoices
  readonly operations: readonly MaskOperation[]
  /** The last submission. */
  readonly call?: PaidSnapshot | undefined
}

/** Bytes that the service stores of one draft. */
export const maxDraftBytes = 64_000

/** Codes of operations: small letters are brushes, capitals rectangles. */
const codes = { brush: { add: 'a', erase: 'e' }, rectangle: { add: 'A', erase: 'E' } } as const

/** @returns the draft as text; undefined: it is larger than the service stores */
export function writeDraft({ choices, operations, call }: Draft): string | undefined {
  const draft = { v: 1, ...choices, mask: operations.flatMap(packed) }
  const whole = JSON.stringify({ ...draft, call: shortened(call, operations) })
  if (isStorable(whole)) return whole
  const withoutCall = JSON.stringify(draft)
  return isStorable(withoutCall) ? withoutCall : undefined
}

/** A call whose job is not known has the strokes of the mask once more: `true` stands for them. */
function shortened(call: PaidSnapshot | undefined, operations: readonly MaskOperation[]): PaidSnapshot | undefined {
  if (call === undefined || 'jobId' in call) return call
  const { mask_strokes: strokes } = call.args
  const isMask = JSON.stringify(strokes) === JSON.stringify(maskStrokes(operations))
  return isMask ? { args: { ...call.args, mask_strokes: true } } : call
}

function lengthened(call: PaidSnapshot | undefined, operations: readonly MaskOperation[]): PaidSnapshot | undefined {
  if (call === undefined || 'jobId' in call || call.args.mask_strokes !== true) return call
  return { args: { ...call.args, mask_strokes: maskStrokes(operations) } }
}

const isStorable = (text: string): boolean => new TextEncoder().encode(text).length <= maxDraftBytes

type Packed = readonly [code: string, ...numbers: number[]]

function packed(operation: MaskOperation): Packed[] {
  if (operation.kind === 'clear') return []
  if (operation.kind === 'invert') return [['i']]
  const code = codes[operation.kind][operation.mode]
  if (operation.kind === 'rectangle') return [[code, ...operation.from, ...operation.to]]
  return [[code, operation.size, ...differences(operation.points)]]
}

/** Points as steps from the one before, which are shorter to write. */
const differences = (points: readonly Point[]): number[] =>
  points.flatMap(([x, y], index) => {
    const [px, py] = points[index - 1] ?? [0, 0]
    return [x - px, y - py]
  })

/** Reads what `writeDraft` wrote; undefined: the text is none, or of another version. What makes no sense in it is left out. */
export function readDraft(text: string): Draft | undefined {
  const draft = objectOf(parseJson(text))
  if (draft.v !== 1) return undefined
  const { mask } = draft
  const operations = Array.isArray(mask) ? mask.flatMap(unpacked) : []
  const call = lengthened(readSnapshot(draft.call), operations)
  return {
    choices: {
      prompt: stringOr(draft.prompt, initialChoices.prompt),
      model: stringOr(draft.model, initialChoices.model),
      size: stringOr(draft.size, initialChoices.size),
      quality: stringOr(draft.quality, initialChoices.quality),
      count: numberFrom(1, draft.count) ?? initialChoices.count,
      feather: numberFrom(0, draft.feather) ?? initialChoices.feather,
      keepsOutside: draft.keepsOutside !== false,
    },
    operations,
    ...(call === undefined ? {} : { call }),
  }
}

const stringOr = <Other>(value: unknown, other: Other): string | Other => (typeof value === 'string' ? value : other)

const numberFrom = (min: number, value: unknown): number | undefined =>
  typeof value === 'number' && value >= min ? value : undefined

function unpacked(value: unknown): MaskOperation[] {
  if (!Array.isArray(value)) return []
  const [code, ...rest]: unknown[] = value
  const numbers = rest.filter((one): one is number => typeof one === 'number' && Number.isFinite(one))
  if (code === 'i') return [{ kind: 'invert' }]
  const mode: MaskMode = code === 'a' || code === 'A' ? 'add' : 'erase'
  if (code === 'A' || code === 'E') return unpackedRectangle(mode, numbers)
  return code === 'a' || code === 'e' ? unpackedBrush(mode, numbers) : []
}

function unpackedRectangle(mode: MaskMode, [x1, y1, x2, y2]: readonly number[]): MaskOperation[] {
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return []
  return [{ kind: 'rectangle', mode, from: [x1, y1], to: [x2, y2] }]
}

function unpackedBrush(mode: MaskMode, [size = 0, ...steps]: readonly number[]): MaskOperation[] {
  const points: Point[] = []
  let [x, y] = [0, 0]
  for (let at = 0; at + 1 < steps.length; at += 2) {
    x += steps[at] ?? 0
    y += steps[at + 1] ?? 0
    points.push([x, y])
  }
  return size >= 1 && points.length > 0 ? [{ kind: 'brush', mode, size, points }] : []
}
