import type { CallContext } from '../calls/types.ts'
import { IMAGE_ARGUMENT } from './index.ts'
import type { Complete, CompletionRequest, Prompt } from './types.ts'

export interface CompletionOptions {
  prompts: readonly Prompt[]
  /** Names of the configured deployments' models. */
  models: readonly string[]
  images?: {
    /** The URI template of saved images, and the names that fit into it. */
    names: { uriTemplate: string; variable: string; values(context: CallContext): Promise<readonly string[]> }
    /** The URI templates of images by id, and the ids that match what was typed, best first. */
    ids?: {
      uriTemplates: readonly string[]
      variable: string
      values(typed: string, context: CallContext): Promise<readonly string[]>
    }
  }
}

const SIZES = ['1024x1024', '1536x1024', '1024x1536', '1344x768', '768x1344', '1920x1080', '1080x1920', '512x512']

/** Suggestions for arguments with few good values; the others are free text. */
const SUGGESTIONS: Readonly<Record<string, readonly string[]>> = {
  size: SIZES,
  style: [
    'watercolour',
    'oil painting',
    'pencil sketch',
    'flat vector illustration',
    'isometric 3D render',
    'anime',
    'comic with bold ink lines',
    'pixel art',
    'Bauhaus poster',
    'film photo of the 1970s',
  ],
  strength: ['light', 'clear', 'strong'],
  colour: ['yes', 'no'],
  background: [
    'seamless white',
    'light grey gradient',
    'marble kitchen counter in morning light',
    'wooden table, blurred workshop',
    'beach at sunset',
  ],
}

/** https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion */
export function createCompletion({ prompts, models, images }: CompletionOptions): Complete {
  async function forTemplate(uri: string, { name, value }: CompletionRequest['argument'], context: CallContext) {
    const { names, ids } = images ?? {}
    if (uri === names?.uriTemplate && name === names.variable) return rank(await names.values(context), value)
    return ids?.uriTemplates.includes(uri) && name === ids.variable ? await ids.values(value, context) : undefined
  }

  async function forPrompt(prompt: string, { name, value }: CompletionRequest['argument'], context: CallContext) {
    const known = prompts.find((each) => each.name === prompt)
    if (!known?.arguments.some((each) => each.name === name)) return undefined
    if (name === IMAGE_ARGUMENT) return (await images?.ids?.values(value, context)) ?? []
    return rank(name === 'model' ? models : (SUGGESTIONS[name] ?? []), value)
  }

  return async ({ ref, argument }, context) =>
    ref.type === 'ref/resource'
      ? await forTemplate(ref.uri, argument, context)
      : await forPrompt(ref.name, argument, context)
}

/** Values that begin with the typed text, then those that contain it. */
function rank(values: readonly string[], typed: string): string[] {
  const text = typed.trim().toLowerCase()
  const place = (value: string) => value.toLowerCase().indexOf(text)
  const matching = values.filter((value) => place(value) !== -1)
  return [...matching.filter((value) => place(value) === 0), ...matching.filter((value) => place(value) > 0)]
}
