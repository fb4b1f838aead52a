import type { Prompt, PromptArgument } from './types.ts'

/**
 * Prompts that a person picks from a menu. Each becomes one message to the model at the other end, which then calls the
 * tools; so each says which tool to call, what to put into its prompt, and what to check in the result.
 */

const required = (name: string, description: string): PromptArgument => ({ name, description, required: true })
const optional = (name: string, description: string): PromptArgument => ({ name, description, required: false })

const size = optional('size', 'Width x height in pixels, such as 1024x1024')

interface Template extends Omit<Prompt, 'render'> {
  /** Sentences; those that turn on an argument which was not given are undefined. */
  text(args: Readonly<Record<string, string | undefined>>): readonly (string | undefined)[]
}

function prompt({ text, ...rest }: Template): Prompt {
  return {
    ...rest,
    render: (args) => {
      const said = text(args).filter((sentence) => sentence !== undefined)
      return [{ role: 'user', content: { type: 'text', text: said.join(' ') } }]
    },
  }
}

const when = (value: string | undefined, sentence: (value: string) => string) =>
  value === undefined || value.trim() === '' ? undefined : sentence(value.trim())

const asSize = (value: string | undefined) => when(value, (given) => `Use the size ${given}.`)

const ONE_CALL = 'Each call costs money: make one, show me the image, and ask before you make another.'

export const prompts: readonly Prompt[] = [
  prompt({
    name: 'edit_one_thing',
    title: 'Change one thing, keep the rest',
    description: 'Edits an image so that only what you name is different.',
    arguments: [
      required('change', 'What shall be different, such as "make the car red"'),
      optional('keep', 'What must not be touched, such as "her face and the lettering"'),
    ],
    text: ({ change = '', keep }) => [
      `Edit my image with edit_image: ${change}.`,
      'In the prompt of the tool, name the change precisely, then say that everything else stays exactly as it is:',
      'composition, camera angle, light, colours, background, faces and text.',
      when(keep, (given) => `Above all, this must not change: ${given}.`),
      'Leave size out, so that the image keeps its own.',
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'product_photo',
    title: 'Product photo',
    description: 'A clean photo of a product for a shop or a catalogue.',
    arguments: [
      required('product', 'What is shown, with material and colour'),
      optional('background', 'Where it stands: seamless white by default'),
      size,
    ],
    text: ({ product = '', background, size: wanted }) => [
      `Make a product photo with generate_image: ${product}.`,
      when(background, (given) => `Background: ${given}.`) ?? 'Background: seamless white with a soft shadow.',
      'Write the prompt as a photographer would brief it: the product in the middle third, three-quarter view, softbox',
      'light from the left, true colours, sharp all over, no text, no logo, no hands.',
      asSize(wanted),
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'style_transfer',
    title: 'Style transfer',
    description: 'Redraws an image in another style and keeps what it shows.',
    arguments: [required('style', 'The style, such as "watercolour"'), optional('strength', 'light, clear or strong')],
    text: ({ style = '', strength }) => [
      `Redraw my image with edit_image in this style: ${style}.`,
      'In the prompt, describe the style by what can be seen of it (line, brush, palette, grain, light) and name no living artist.',
      'Say that subject, pose, composition and proportions stay as they are.',
      when(strength, (given) => `How strong the effect is: ${given}.`),
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'replace_background',
    title: 'Replace the background',
    description: 'Puts the subject of an image in front of something else.',
    arguments: [required('background', 'What shall be behind the subject')],
    text: ({ background = '' }) => [
      `Replace the background of my image with edit_image: ${background}.`,
      'In the prompt, say that the subject keeps its outline, pose, size and place, down to single hairs, and that light',
      'and shadow on it fit the new surroundings.',
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'restore_photo',
    title: 'Restore an old photo',
    description: 'Removes scratches, stains and fading from a scanned photo.',
    arguments: [optional('colour', 'yes to colour a black-and-white photo')],
    text: ({ colour }) => [
      'Restore my old photo with edit_image: remove scratches, dust, stains and creases, and bring back contrast and sharpness.',
      when(colour, (given) =>
        /^(?:y|yes|true|ja|oui|是)$/i.test(given) ? 'Give it natural colours of its time.' : 'Do not colour it.',
      ) ?? 'Do not colour it.',
      'In the prompt, say that faces, expressions, clothes and lettering stay true to the original and nothing is invented.',
      ONE_CALL,
    ],
  }),
  prompt({
    name: 'refine_prompt',
    title: 'Turn an idea into an image',
    description: 'Works a rough idea out into a good prompt, shows it to you, then makes the image.',
    arguments: [required('idea', 'What you have in mind'), optional('model', 'Model that will draw it'), size],
    text: ({ idea = '', model, size: wanted }) => [
      `I want an image of this: ${idea}.`,
      'First write a prompt for it in two to four sentences: subject, setting, composition, light, style, and any words that',
      'shall stand in the image in double quotes. Say what is there, never what is not.',
      when(model, (given) => `It will be drawn by ${given}: mind what you know of its strengths.`),
      'Show me the prompt; once I agree, call generate_image with it.',
      asSize(wanted),
    ],
  }),
]
