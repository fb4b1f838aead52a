import type { Icon } from '../calls/types.ts'

/** Icons as `data:` URIs, which need no request. Every client that shows icons supports PNG. */
const icon = (png: string, size = '48x48'): readonly Icon[] => [
  { src: `data:image/png;base64,${png}`, mimeType: 'image/png', sizes: [size] },
]

/** A framed image. */
export const imageIcon = icon(
  'iVBORw0KGgoAAAANSUhEUgAAADAAAAAwAgMAAAAqbBEUAAAADFBMVEUKbL0KbL3/////1UqJqw0DAAAAAnRSTlP/AOW3MEoAAAB5SURBVCjPxdExCoAwDAXQWnDp4uQlcgk9goPep0fpWP7pPIBQS9rSBCcX/duD8AmJOUTMZ9hNzZyxNYwZa8PwBtMpsFwCKb2HKlDVegMnQV4AocMidjjAWN/hXaggIFCsABDzJMOC4xmuIDCoIDJQ81hUnVcd/ofX3310kg0+xgwOAAAAAElFTkSuQmCC',
)

/** A framed image with a pencil. */
export const pencilIcon = icon(
  'iVBORw0KGgoAAAANSUhEUgAAADAAAAAwAgMAAAAqbBEUAAAADFBMVEUKbL0KbL3/1Ur////8Fg8lAAAAAnRSTlP/AOW3MEoAAACsSURBVCjPrdGxDQMhDAVQJyjNNVRZgiW4EVLkUmSETEGGuP5SRLp4CkZiACTHAc64THG/8pP4QhiYVGA/3GaF+1vh8WFcocYh49KAOMM01vmoMeDv2LhVXh2ITwFXDoIB1w6HSwdiEHAFBFzRWDocBg3YYMGtAh9dEFDiucFQBoElAhM7ok0Nnij53EBEmU8WGCqJBbYiFfiKXEAt/aXt0m29cFKLh/Oev/0/vhM8rj/MDJFgAAAAAElFTkSuQmCC',
)

/** The framed image in a few bytes, for lists of many entries. */
export const smallIcon = icon(
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAABlBMVEX///8KbL0kzb0yAAAAAXRSTlMAQObYZgAAAClJREFUeNpjYGBgqP/H4MDE4CAFQk5MDO5MDP6TGOJvMcT/A0nBERgAAAfJDGwTyevhAAAAAElFTkSuQmCC',
  '16x16',
)
