import type { Tool } from '../calls/types.ts'
import type { LibraryAccess } from '../library/access.ts'

interface Facts {
  transport: 'http' | 'stdio'
  /** Whether images have ids. */
  hasLibrary: boolean
  /** Whether the caller may find images without their ids. */
  canList: boolean
  /** Names of the tools that the caller has. */
  tools: ReadonlySet<string>
}

export interface InstructionsOptions extends Pick<Facts, 'transport' | 'hasLibrary'> {
  tools: () => readonly Tool[]
}

/**
 * The instructions that a client's model reads once, before it sees the tools.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/discover
 */
export function createInstructions({ tools, ...facts }: InstructionsOptions): (access: LibraryAccess) => string {
  return ({ canList }) => instructionsFor({ ...facts, canList, tools: new Set(tools().map(({ name }) => name)) })
}

function instructionsFor(facts: Facts): string {
  const { hasLibrary, canList, tools } = facts
  const edits = tools.has('edit_image')
  return [
    `Generates images from text (generate_image)${edits ? ' and edits images (edit_image)' : ''} with an image model on Azure.`,
    ...(hasLibrary ? ['Every image has an id (img_…), which its result names.'] : []),
    ...(edits ? editing(facts) : []),
    ...(tools.has('get_image') ? [`To look at an image again${linkHint(facts)}, call get_image with its id.`] : []),
    ...(canList && tools.has('find_images') ? ['find_images finds earlier images by words, tags or time.'] : []),
    'Every call of generate_image or edit_image costs money and takes seconds to minutes: make one call per image, and',
    'never repeat a call because it is slow. A result with isError says what to change and whether to try again.',
    'Describe what should be visible; put text that should appear in the image in double quotes.',
    hasLibrary
      ? 'Images are stored for a limited time; with output_path they are saved under that name and stay.'
      : 'Images are saved on the server only with output_path; saved images are listed as resources (image:///…).',
  ].join(' ')
}

function linkHint({ transport }: Facts): string {
  return transport === 'http' ? ', smaller, or as a link' : ' or smaller'
}

function editing({ transport, hasLibrary, canList, tools }: Facts): string[] {
  const base64 = 'its bytes as base64 in image_data_base64'
  const path = 'the absolute path of an image in image_path'
  if (!hasLibrary) {
    return transport === 'stdio'
      ? [`To edit an image, pass edit_image ${path}, or ${base64}.`]
      : [
          'To edit an image, pass edit_image the bytes of an image as base64 in image_data_base64; the server cannot open paths or URLs.',
        ]
  }
  const byId = `To edit it, pass edit_image that id as image${canList ? ', or "last" for the newest image' : ''}; never send its bytes again.`
  if (transport === 'stdio') return [byId, `To edit a file, pass ${path}.`]
  if (tools.has('request_upload')) {
    return [
      byId,
      'To edit an image that is not on the server, call request_upload and do what it says: the upload gets an id.',
    ]
  }
  return [byId, `To edit an image that is not on the server, pass ${base64}; the server cannot open paths or URLs.`]
}
