import type { Prompt, PromptArgument } from './types.ts'

/**
 * Prompts that a person picks from a menu. Each becomes one message to the client's model, so it names the tool to call and
 * says what the tool's prompt should contain.
 */

const required = (name: string, description: string): PromptArgument => ({ name, description, required: true })
const optional = (name: string, description: string): PromptArgument => ({ name, description, required: false })

const size = optional('size', 'Width x height in pixels, such as 1024x1024')

interface Template extends Omit<Prompt, 'render'> {
  /** Sentences; `undefined` for those about omitted arguments. */
  text(args: Readonly<Record<string, string | undefined>>): readonly (string | undefined)[]
}

function prompt({ text, ...rest }: Template): Prompt {
  return {
    ...rest,
    render: (args) => {
      const sentences = text(args).filter((sentence) => sentence !== undefined)
      return [{ role: 'user', content: { type: 'text', text: sentences.join(' ') } }]
    },
  }
}

const when = (value: string | undefined, sentence: (value: string) => string) =>
  value === undefined || value.trim() === '' ? undefined : sentence(value.trim())

const useSize = (value: string | undefined) => when(value, (given) => `Use the size ${given}.`)

const ONE_CALL = 'Each call costs money: make one call, show me the image, and ask before making another.'

/** The argument of prompts that takes the id of an image. */
export const IMAGE_ARGUMENT = 'image'
const image = optional(IMAGE_ARGUMENT, 'Id of the image (img_…); by default the image of this chat')

const withImage = (value: string | undefined) => when(value, (given) => `Pass ${given} as the image.`)

/** The prompts. @param hasLibrary whether images have ids */
export function createPrompts({ hasLibrary }: { hasLibrary: boolean }): readonly Prompt[] {
  if (hasLibrary) return all
  return all.map((each) => ({ ...each, arguments: each.arguments.filter(({ name }) => name !== IMAGE_ARGUMENT) }))
}

const all: readonly Prompt[] = [
  prompt({
    name: 'edit_one_thing',
    title: 'Change one thing, keep the rest',
    description: 'Edits an image so that only what you name changes.',
    arguments: [
      required('change', 'What to change, such as "make the car red"'),
      optional('keep', 'What must not change, such as "her face and the lettering"'),
      image,
    ],
    text: ({ change = '', keep, image: id }) => [
      `Edit my image with edit_image: ${change}.`,
      withImage(id),
      'In the prompt of the tool, name the change precisely, then say that everything else stays exactly the same:',
      'composition, camera angle, light, colours, background, faces and text.',
      when(keep, (given) => `Above all, this must not change: ${given}.`),
      'Omit size, so that the image keeps its size.',
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'product_photo',
    title: 'Product photo',
    description: 'Generates a clean photo of a product for a shop or catalogue.',
    arguments: [
      required('product', 'The product, with material and colour'),
      optional('background', 'The surroundings; seamless white by default'),
      size,
    ],
    text: ({ product = '', background, size: requested }) => [
      `Make a product photo with generate_image: ${product}.`,
      when(background, (given) => `Background: ${given}.`) ?? 'Background: seamless white with a soft shadow.',
      'Write the prompt as a photographer would brief it: the product in the middle third, three-quarter view, softbox',
      'light from the left, true colours, sharp throughout, no text, no logo, no hands.',
      useSize(requested),
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'style_transfer',
    title: 'Style transfer',
    description: 'Redraws an image in another style and keeps its content.',
    arguments: [
      required('style', 'The style, such as "watercolour"'),
      optional('strength', 'light, clear or strong'),
      image,
    ],
    text: ({ style = '', strength, image: id }) => [
      `Redraw my image with edit_image in this style: ${style}.`,
      withImage(id),
      'In the prompt, describe the style by its visible features (line, brush, palette, grain, light) and name no living artist.',
      'Say that subject, pose, composition and proportions stay the same.',
      when(strength, (given) => `Strength of the effect: ${given}.`),
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'replace_background',
    title: 'Replace the background',
    description: 'Puts the subject of an image in front of a new background.',
    arguments: [required('background', 'The new background'), image],
    text: ({ background = '', image: id }) => [
      `Replace the background of my image with edit_image: ${background}.`,
      withImage(id),
      'In the prompt, say that the subject keeps its outline, pose, size and position, down to single hairs, and that light',
      'and shadows match the new surroundings.',
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'restore_photo',
    title: 'Restore an old photo',
    description: 'Removes scratches, stains and fading from a scanned photo.',
    arguments: [optional('colour', 'yes to colourise a black-and-white photo'), image],
    text: ({ colour, image: id }) => [
      'Restore my old photo with edit_image: remove scratches, dust, stains and creases, and restore contrast and sharpness.',
      withImage(id),
      when(colour, (given) =>
        /^(?:y|yes|true|ja|oui|是)$/i.test(given) ? 'Give it natural colours of its period.' : 'Do not colourise it.',
      ) ?? 'Do not colourise it.',
      'In the prompt, say that faces, expressions, clothes and lettering stay true to the original, and that nothing is invented.',
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'refine_prompt',
    title: 'Turn an idea into an image',
    description: 'Turns a rough idea into a good prompt, shows it to you, then generates the image.',
    arguments: [
      required('idea', 'What you have in mind'),
      optional('model', 'The model that generates the image'),
      size,
    ],
    text: ({ idea = '', model, size: requested }) => [
      `I want an image of this: ${idea}.`,
      'First write a prompt for it in two to four sentences: subject, setting, composition, light, style, and any text in',
      'the image in double quotes. Describe what is there, never what is not.',
      when(model, (given) => `The image will be generated by ${given}: consider its strengths.`),
      'Show me the prompt; once I agree, call generate_image with it.',
      useSize(requested),
    ],
  }),
]
