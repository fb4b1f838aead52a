import { prompts } from './index.ts'
import type { Complete, CompletionRequest } from './types.ts'

export interface CompletionOptions {
  /** Names of the configured deployments' models. */
  models: readonly string[]
  /** URI template of saved images, and the names that fit into it. */
  images?: { uriTemplate: string; variable: string; names(): Promise<readonly string[]> }
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
export function createCompletion({ models, images }: CompletionOptions): Complete {
  async function valuesFor({ ref, argument }: CompletionRequest): Promise<readonly string[] | undefined> {
    if (ref.type === 'ref/resource') {
      const isKnown = ref.uri === images?.uriTemplate && argument.name === images.variable
      return isKnown ? await images.names() : undefined
    }
    const prompt = prompts.find(({ name }) => name === ref.name)
    if (!prompt?.arguments.some(({ name }) => name === argument.name)) return undefined
    return argument.name === 'model' ? models : (SUGGESTIONS[argument.name] ?? [])
  }

  return async (request) => {
    const values = await valuesFor(request)
    return values === undefined ? undefined : rank(values, request.argument.value)
  }
}

/** Values that begin with the typed text, then those that contain it. */
function rank(values: readonly string[], typed: string): string[] {
  const text = typed.trim().toLowerCase()
  const place = (value: string) => value.toLowerCase().indexOf(text)
  const matching = values.filter((value) => place(value) !== -1)
  return [...matching.filter((value) => place(value) === 0), ...matching.filter((value) => place(value) > 0)]
}
